# An HTTP server in Tcl: the header is flushed, then the body of a GET. Usage: http_server.tcl PORT
proc accept {channel address port} {
    fconfigure $channel -translation {crlf binary} -blocking 0
    fileevent $channel readable [list answer $channel]
}
proc answer {channel} {
    global method
    if {[gets $channel line] < 0} {
        if {[eof $channel]} { close $channel }
        return
    }
    if {$line ne ""} {
        if {[string match {* HTTP/*} $line]} { set method($channel) [lindex $line 0] }
        return
    }
    puts -nonewline $channel "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    flush $channel
    if {$method($channel) ne "HEAD"} {
        puts -nonewline $channel [string repeat x 100]
        flush $channel
    }
}
socket -server accept [lindex $argv 0]
vwait forever
