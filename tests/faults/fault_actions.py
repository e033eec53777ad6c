"""What the fault proxy does to a request. Each is a function that makes an Action:

delay:SECONDS            waits, then goes on with the next rule
status:STATUS:CODE       an error that S3 sends, and the server is not asked
slow_down, internal_error, too_many, expired_token, skewed, redirect:REGION, no_such_upload
                         short for statuses 503, 500, 429, 400 (as S3 has it), 403
                         (RequestTimeTooSkewed), 301 (PermanentRedirect) and 404
reset                    the connection is reset, and the server is not asked
cut_request:COUNT        the server gets COUNT bytes of the body (from the end if negative), nobody
                         a reply
lose_reply               the server does it, and the connection is reset in place of a reply
cut_reply:COUNT          the reply's body ends after COUNT bytes, and with it the connection
shorten_reply:COUNT      likewise, but with a length that says so: whole HTTP, cut XML
error_body               200 with an <Error> in its body, and the server is not asked
error_body_after         the same after the server did it
duplicate                the server gets it twice; the client sees the second reply
hang                     is held until released, then closed; the server is not asked
hang_late                is held until released, then goes to the server, whoever still waits
hang_reply               the server does it, and the reply is held until released
"""

import dataclasses
import typing

from http_messages import make_reply

_REASONS = {200: "OK", 301: "Moved Permanently", 400: "Bad Request", 403: "Forbidden",
            404: "Not Found", 409: "Conflict", 412: "Precondition Failed",
            429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


@dataclasses.dataclass
class Action:
    """`act(exchange)` takes over from there; see Exchange in http_fault_proxy.py."""
    name: str
    act: typing.Callable


def _error(exchange, status, code, message, members="", headers=()):
    body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
            f"<Message>{message}</Message>{members}<RequestId>FAULT</RequestId></Error>")
    if exchange.request.method == "HEAD":
        body = ""
    exchange.reply(make_reply(status, _REASONS.get(status, "Fault"), body.encode(), headers))


def status(number, code, message="The fault proxy says so.", members="", headers=()):
    number = int(number)
    return Action(f"status:{number}:{code}",
                  lambda exchange: _error(exchange, number, code, message, members, headers))


def slow_down():
    return status(503, "SlowDown", "Please reduce your request rate.")


def internal_error():
    return status(500, "InternalError", "We encountered an internal error. Please try again.")


def too_many():
    return status(429, "TooManyRequests", "Please reduce your request rate.")


def expired_token():
    return status(400, "ExpiredToken", "The provided token has expired.")


def skewed():
    return status(403, "RequestTimeTooSkewed", "The difference between the request time and the "
                  "current time is too large.")


def redirect(region):
    return status(301, "PermanentRedirect", "The bucket you are attempting to access must be "
                  "addressed using the specified endpoint.",
                  f"<Endpoint>s3.{region}.amazonaws.com</Endpoint>",
                  [("x-amz-bucket-region", region)])


def no_such_upload():
    return status(404, "NoSuchUpload", "The specified upload does not exist.")


def delay(seconds):
    def act(exchange):
        exchange.hold(float(seconds))
        exchange.proceed()
    return Action(f"delay:{seconds}", act)


def reset():
    return Action("reset", lambda exchange: exchange.break_off())


def cut_request(count):
    def act(exchange):
        exchange.cut_off(int(count))
        exchange.break_off()
    return Action(f"cut_request:{count}", act)


def lose_reply():
    def act(exchange):
        exchange.forward()
        exchange.break_off()
    return Action("lose_reply", act)


def cut_reply(count):
    def act(exchange):
        reply = exchange.forward()
        exchange.break_off(reply.head + reply.body[:int(count)])
    return Action(f"cut_reply:{count}", act)


def shorten_reply(count):
    def act(exchange):
        reply = exchange.forward()
        exchange.reply(reply.with_body(reply.body[:int(count)]))
    return Action(f"shorten_reply:{count}", act)


def error_body():
    return Action("error_body", lambda exchange: _error(
        exchange, 200, "InternalError", "We encountered an internal error. Please try again."))


def error_body_after():
    def act(exchange):
        exchange.forward()
        error_body().act(exchange)
    return Action("error_body_after", act)


def duplicate():
    def act(exchange):
        exchange.forward()
        exchange.proceed()
    return Action("duplicate", act)


def hang():
    def act(exchange):
        exchange.hold()
        exchange.break_off()
    return Action("hang", act)


def hang_late():
    def act(exchange):
        exchange.hold()
        exchange.proceed()
    return Action("hang_late", act)


def hang_reply():
    def act(exchange):
        reply = exchange.forward()
        exchange.hold()
        exchange.reply(reply)
    return Action("hang_reply", act)


def parse(text):
    """The action that 'NAME[:ARGUMENT...]' names."""
    name, *arguments = text.split(":")
    makers = {one.__name__: one for one in (
        delay, status, slow_down, internal_error, too_many, expired_token, skewed, redirect,
        no_such_upload, reset, cut_request, lose_reply, cut_reply, shorten_reply, error_body,
        error_body_after, duplicate, hang, hang_late, hang_reply)}
    if name not in makers:
        raise ValueError(f"no action {name}; there are {', '.join(makers)}")
    return makers[name](*arguments)
