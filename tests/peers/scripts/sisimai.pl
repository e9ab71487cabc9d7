# What Sisimai makes of bounce mails. Usage: perl sisimai.pl FILE..., a mail each.
# Writes its version, then a reason a line.
use strict;
use warnings;
use Sisimai;

print Sisimai->version, "\n";
for my $file (@ARGV) {
    my $bounces = Sisimai->make($file);
    die "$file is no bounce\n" unless $bounces && @$bounces == 1;
    print $bounces->[0]->reason, "\n";
}
