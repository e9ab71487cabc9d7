# What Mail::DeliveryStatus::BounceParser makes of bounce mails. Usage: perl bounce_parser.pl FILE..., a mail each.
# Writes its version, then a reason a line.
use strict;
use warnings;
use Mail::DeliveryStatus::BounceParser;

print Mail::DeliveryStatus::BounceParser->VERSION, "\n";
for my $file (@ARGV) {
    open my $mail, '<', $file or die "$file: $!\n";
    my @reports = Mail::DeliveryStatus::BounceParser->new($mail)->reports;
    die "$file is no bounce\n" unless @reports == 1;
    print $reports[0]->get('std_reason'), "\n";
}
