#!/usr/bin/env perl
# Appends mails to an IMAP mailbox with Mail::IMAPClient (Debian: libmail-imapclient-perl).
#
# append.pl PORT USER PASSWORD COUNT
#
# Prints one line: `COUNT mails in SECONDS s: RATE/s`. Sets no socket option.
use strict;
use warnings;
use Mail::IMAPClient;
use Time::HiRes 'time';

die "usage: append.pl PORT USER PASSWORD COUNT\n" unless @ARGV == 4;
my ($port, $user, $password, $count) = @ARGV;
my $imap = Mail::IMAPClient->new(
    Server => '127.0.0.1', Port => $port, User => $user, Password => $password, Uid => 1,
) or die "login: $@\n";

my $head = "From: a\@example.org\r\nTo: b\@example.org\r\nSubject: migrated mail\r\n\r\n";
my $mail = $head . ('x' x 68 . "\r\n") x 34;
my $begin = time;
for (1 .. $count) {
    $imap->append_string('INBOX', $mail) or die 'append: ', $imap->LastError, "\n";
}
my $seconds = time - $begin;
$imap->logout;
printf "%d mails in %.3f s: %.1f/s\n", $count, $seconds, $count / $seconds;
