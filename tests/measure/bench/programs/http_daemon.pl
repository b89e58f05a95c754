# Perl's HTTP::Daemon serving the files of a directory, many connections in one process.
# Usage: http_daemon.pl PORT DIRECTORY [--whole]: with --whole, each answer is one print, the cure by hand.
use strict;
use warnings;
use HTTP::Daemon;
use HTTP::Response;
use IO::Select;

my ($port, $directory, $whole) = @ARGV;
my $daemon = HTTP::Daemon->new(LocalPort => $port, ReuseAddr => 1, Listen => 64) or die "http_daemon: $!\n";
my $ready = IO::Select->new($daemon);
while (my @sockets = $ready->can_read) {
    for my $socket (@sockets) {
        if ($socket == $daemon) {
            $ready->add(scalar $daemon->accept);
            next;
        }
        my $request = $socket->get_request;
        if (!$request) {
            $ready->remove($socket);
            $socket->close;
            next;
        }
        open my $file, '<:raw', $directory . $request->uri->path or die "http_daemon: $!\n";
        my $body = do { local $/; <$file> };
        close $file;
        my $answer = HTTP::Response->new(200, 'OK', ['Content-Length' => length $body], $body);
        if ($whole) {
            $answer->protocol('HTTP/1.1');
            print $socket $answer->as_string("\r\n");
        } else {
            $socket->send_response($answer);
        }
    }
}
