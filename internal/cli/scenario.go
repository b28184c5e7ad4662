package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"foundrylab/scenarios"
)

// overrides are the flags that change a scenario before it is read.
type overrides struct {
	sets []string
	seed int64
}

func (o *overrides) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&o.sets, "set", nil, "override a value, such as tenants[chat].weight=5; repeatable")
	c.Flags().Int64Var(&o.seed, "seed", -1, "override the scenario's seed")
}

// load reads a scenario file, or a shipped one by name, with the overrides.
func (o *overrides) load(file string) (*scenarios.Scenario, error) {
	src, dir, err := readScenario(file)
	if err != nil {
		return nil, err
	}
	var sets []scenarios.Set
	for _, set := range o.sets {
		path, value, ok := strings.Cut(set, "=")
		if !ok || path == "" {
			return nil, usage("--set %s: write path=value, such as --set tenants[chat].weight=5", set)
		}
		sets = append(sets, scenarios.Set{Path: path, Value: value})
	}
	if o.seed >= 0 {
		sets = append(sets, scenarios.Set{Path: "seed", Value: strconv.FormatInt(o.seed, 10)})
	}
	return scenarios.Load(file, src, sets, func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return readBounded(path)
	})
}

// readScenario reads a file; a bare name that is no file is looked up in the
// shipped library.
func readScenario(file string) (src []byte, dir string, err error) {
	src, err = readBounded(file)
	if err == nil {
		return src, filepath.Dir(file), nil
	}
	if shipped, ok := scenarios.Shipped(file); ok {
		return shipped, ".", nil
	}
	if os.IsNotExist(err) {
		return nil, "", usage("%s: no such file, and no shipped scenario of that name; shipped: %s", file, strings.Join(scenarios.ShippedNames(), ", "))
	}
	return nil, "", usage("%v", err)
}

// maxFile bounds what is read into memory whole.
const maxFile = 512 << 20

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxFile>>20)
	}
	return os.ReadFile(path)
}

func newLint() *cobra.Command {
	var o overrides
	c := &cobra.Command{
		Use:     "lint FILE",
		Short:   "Check a scenario: every mistake at once, with file, line and path",
		Example: "  foundrylab lint my-scenario.yaml",
		Args:    one("a scenario file"),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := o.load(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ok (%d tenants, %d backends, %d faults, %d assertions)\n",
				args[0], len(s.Tenants), len(s.Backends), len(s.Faults), len(s.Programs()))
			return err
		},
	}
	o.flags(c)
	return c
}

func newExplain() *cobra.Command {
	var o overrides
	c := &cobra.Command{
		Use:     "explain FILE",
		Short:   "Print the effective scenario: every default and override spelled out",
		Example: "  foundrylab explain scenarios/library/ptu-outage.yaml --set tenants[chat].weight=5",
		Args:    one("a scenario file"),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := o.load(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.OutOrStdout(), s.Text())
			return err
		},
	}
	o.flags(c)
	return c
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the scenario format, for editors",
		Example: `  foundrylab schema > scenario.schema.json
  # then, as the first line of a scenario: # yaml-language-server: $schema=scenario.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(scenarios.Schema())
			return err
		},
	}
}
