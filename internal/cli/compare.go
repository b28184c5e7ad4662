package cli

import (
	"github.com/spf13/cobra"

	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/reports/compare"
	"foundrylab/reports/render"
)

func newCompare() *cobra.Command {
	var limit string
	c := &cobra.Command{
		Use:     "compare A/report.json B/report.json",
		Short:   "Compare two runs metric by metric; exit 11 when B is worse by more than --max-regression",
		Example: "  foundrylab compare main/report.json branch/report.json --max-regression 5%",
		Args:    takes(2, 2, "two report.json files"),
		RunE: func(c *cobra.Command, args []string) error {
			most, err := parseRatio("--max-regression", limit)
			if err != nil {
				return err
			}
			a, err := loadReport(args[0])
			if err != nil {
				return err
			}
			b, err := loadReport(args[1])
			if err != nil {
				return err
			}
			cmp := compare.Compare(a, b, most)
			if _, err := c.OutOrStdout().Write(cmp.Text(render.TextOptions{Color: isTerminal(c.OutOrStdout())})); err != nil {
				return &exitError{exitInternal, err}
			}
			if cmp.Void {
				return &exitError{code: exitVoid}
			}
			if cmp.Regressions() > 0 {
				return &exitError{code: exitRegression}
			}
			return nil
		},
	}
	c.Flags().StringVar(&limit, "max-regression", "5%", "how much worse a metric of B may be, as a `percentage`")
	return c
}

func parseRatio(name, text string) (record.Ratio, error) {
	var r unit.Ratio
	if err := r.UnmarshalText([]byte(text)); err != nil {
		return 0, usage("%s: %v", name, err)
	}
	return record.Ratio(r), nil
}

func loadReport(path string) (*record.Result, error) {
	src, err := readBounded(path)
	if err != nil {
		return nil, usage("%v: give the report.json that run wrote with --out", err)
	}
	r, err := compare.Load(src)
	if err != nil {
		return nil, usage("%s: %v", path, err)
	}
	return r, nil
}
