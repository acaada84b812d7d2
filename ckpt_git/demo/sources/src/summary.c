#include "tally/summary.h"

#include "tally/text.h"

#include <stdio.h>

static double median_of(const double *ascending, size_t count)
{
    return ascending[count / 2];
}

void summary_order(struct summary *summary, const double *ascending, size_t count)
{
    summary->count = count;
    if (count == 0)
        return;
    summary->least = ascending[0];
    summary->greatest = ascending[count - 1];
    summary->median = median_of(ascending, count);
}

void summary_print(const struct summary *summary)
{
    struct text out = {0};
    text_addf(&out, "count      %zu\n", summary->count);
    text_addf(&out, "distinct   %zu\n", summary->distinct);
    text_addf(&out, "least      %g\n", summary->least);
    text_addf(&out, "greatest   %g\n", summary->greatest);
    text_addf(&out, "median     %g\n", summary->median);
    text_addf(&out, "mean       %g\n", summary->mean);
    text_addf(&out, "deviation  %g\n", summary->deviation);
    text_addf(&out, "skewness   %g\n", summary->skewness);
    text_addf(&out, "slope      %g\n", summary->slope);
    text_addf(&out, "degree     %zu\n", summary->degree);
    text_addf(&out, "rise       %zu\n", summary->longest_rise);
    fwrite(out.bytes, 1, out.length, stdout);
    text_free(&out);
}
