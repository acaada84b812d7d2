#ifndef TALLY_SUMMARY_H
#define TALLY_SUMMARY_H

#include "tally/base.h"

/* What is told about a column. */
struct summary {
    double least;
    double greatest;
    double median;
    double mean;
    double deviation;
    double skewness;
    double slope;
    size_t count;
    size_t distinct;
    size_t degree;
    size_t longest_rise;
};

/* Fills in what follows from the numbers' order alone. */
void summary_order(struct summary *summary, const double *ascending, size_t count);

void summary_print(const struct summary *summary);

#endif
