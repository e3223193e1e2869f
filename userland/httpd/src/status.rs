//! How a request ends, as a number and in words (RFC 9110, section 15).

macro_rules! statuses {
    ($($name:ident = $code:literal, $reason:literal;)+) => {
        /// A status. Its name is the standard's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Status {
            $(#[doc = $reason] $name,)+
        }

        impl Status {
            /// Each once.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Three digits.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// What it says to a person.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)+
                }
            }

            /// The first line of a response, with its end.
            pub(crate) const fn line(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("HTTP/1.1 ", $code, " ", $reason, "\r\n"),)+
                }
            }

            /// What a browser shows if there is nothing else.
            pub(crate) const fn page(self) -> &'static str {
                match self {
                    $(Self::$name => concat!(
                        "<!doctype html>\n<title>", $code, " ", $reason, "</title>\n<h1>", $code, " ", $reason, "</h1>\n"
                    ),)+
                }
            }
        }
    };
}

statuses! {
    Ok = 200, "OK";
    NoContent = 204, "No Content";
    PartialContent = 206, "Partial Content";
    MovedPermanently = 301, "Moved Permanently";
    NotModified = 304, "Not Modified";
    BadRequest = 400, "Bad Request";
    Forbidden = 403, "Forbidden";
    NotFound = 404, "Not Found";
    MethodNotAllowed = 405, "Method Not Allowed";
    RequestTimeout = 408, "Request Timeout";
    PreconditionFailed = 412, "Precondition Failed";
    ContentTooLarge = 413, "Content Too Large";
    UriTooLong = 414, "URI Too Long";
    RangeNotSatisfiable = 416, "Range Not Satisfiable";
    ExpectationFailed = 417, "Expectation Failed";
    HeaderFieldsTooLarge = 431, "Request Header Fields Too Large";
    InternalServerError = 500, "Internal Server Error";
    NotImplemented = 501, "Not Implemented";
    ServiceUnavailable = 503, "Service Unavailable";
    VersionNotSupported = 505, "HTTP Version Not Supported";
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn lines_and_pages() {
        assert_eq!(Status::NotFound.line(), "HTTP/1.1 404 Not Found\r\n");
        for status in Status::ALL {
            assert!(status.page().contains(status.reason()));
            assert!(status.line().starts_with(&std::format!("HTTP/1.1 {} ", status.code())));
        }
    }
}
