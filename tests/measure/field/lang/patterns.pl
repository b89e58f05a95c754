#!/usr/bin/perl
# The core patterns in Perl: `paced COUNT GAP_US`, paced by a direct system call; `exchange COUNT PIECES`, pieces written and the answer
# read through Perl's own buffers.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($pattern, $count, $second) = @ARGV;
my $socket = IO::Socket::INET->new("$ENV{FIELD_ADDRESS}:$ENV{FIELD_PORT}") or die "connect: $!";
$socket->autoflush(1);

sub now { return sprintf '%.0f', clock_gettime(CLOCK_MONOTONIC) * 1e9 }
sub say_since { my ($kind, $begun) = @_; printf $socket "%019d%s%79s\n", $begun, $kind, '' or die "write: $!" }

for (1 .. $count) {
    my $begun = now();
    if ($pattern eq 'paced') {
        say_since('t', $begun);
        # nanosleep on x86-64 and elsewhere
        require POSIX;
        my $number = (POSIX::uname())[4] eq 'x86_64' ? 35 : 101;
        syscall $number, pack('q2', 0, $second * 1000), 0;
        next;
    }
    say_since($_ == $second ? 'a' : 'u', $begun) for 1 .. $second;
    <$socket> // die 'the peer has gone';
}
