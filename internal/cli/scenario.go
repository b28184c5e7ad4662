package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"foundrylab/gateway"
	"foundrylab/internal/yamlconf"
	"foundrylab/scenarios"
	"foundrylab/simulator"
	"foundrylab/simulator/fixture"
)

// overrides are the flags that change a scenario before it is read.
type overrides struct {
	sets []string
	seed int64
}

func (o *overrides) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&o.sets, "set", nil, "override a value by `path=value`, such as tenants[chat].weight=5; repeatable")
	c.Flags().Int64Var(&o.seed, "seed", 0, "override the scenario's seed by this `number`")
}

// load reads a scenario file, or a shipped one by name, with the overrides.
func (o *overrides) load(c *cobra.Command, file string) (*scenarios.Scenario, error) {
	src, read, err := readScenario(file)
	if err != nil {
		return nil, err
	}
	var wrong, more yamlconf.Problems
	var sets []scenarios.Set
	for _, set := range o.sets {
		path, value, ok := strings.Cut(set, "=")
		if !ok || path == "" {
			wrong = append(wrong, yamlconf.Problem{File: "--set " + set, Msg: "write path=value, such as --set tenants[chat].weight=5"})
			continue
		}
		sets = append(sets, scenarios.Set{Path: path, Value: value})
	}
	if o.seed < 0 {
		wrong = append(wrong, yamlconf.Problem{File: fmt.Sprintf("--seed %d", o.seed), Msg: "must be at least 0"})
	} else if c.Flags().Changed("seed") {
		sets = append(sets, scenarios.Set{Path: "seed", Value: strconv.FormatInt(o.seed, 10)})
	}
	s, err := scenarios.Load(file, src, sets, read)
	if errors.As(err, &more) || len(wrong) > 0 {
		return nil, yamlconf.Merge(wrong, more)
	}
	return s, err
}

// readScenario reads a file; a bare name that is no file is looked up in the
// shipped library. read reads the files that the scenario names.
func readScenario(file string) (src []byte, read scenarios.ReadFile, err error) {
	src, err = readBounded(file)
	if err == nil {
		dir := filepath.Dir(file)
		return src, func(path string) ([]byte, error) {
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			return readBounded(path)
		}, nil
	}
	if src, read, ok := scenarios.Shipped(file); ok {
		return src, read, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, usage("%v", err)
	}
	names, hint := scenarios.ShippedNames(), ""
	if near, ok := yamlconf.Nearest(strings.TrimSuffix(filepath.Base(file), ".yaml"), names); ok {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	return nil, nil, usage("%s: no such file, nor a shipped scenario of that name%s\nShipped: %s", file, hint, strings.Join(names, ", "))
}

// maxFile bounds what is read into memory whole.
const maxFile = 512 << 20

// readBounded reads a file whole; its errors name it once.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory, not a file", path)
	}
	if err == nil && info.Size() > maxFile {
		return nil, fmt.Errorf("%s: is larger than %d MiB", path, maxFile>>20)
	}
	src, err := os.ReadFile(path)
	if inner := (*fs.PathError)(nil); errors.As(err, &inner) {
		return nil, fmt.Errorf("%s: %w", path, inner.Err)
	}
	return src, err
}

func newLint() *cobra.Command {
	var o overrides
	c := &cobra.Command{
		Use:     "lint SCENARIO",
		Short:   "Check a scenario: every mistake at once, with file, line and path",
		Example: "  foundrylab lint my-scenario.yaml",
		Args:    takes(1, 1, "one scenario, a file or a shipped name"),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := o.load(c, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ok (%s, %s, %s, %s)\n", args[0], count(len(s.Tenants), "tenant"),
				count(len(s.Backends), "backend"), count(len(s.Faults), "fault"), count(len(s.Programs()), "assertion"))
			return err
		},
	}
	o.flags(c)
	return c
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func newExplain() *cobra.Command {
	var o overrides
	c := &cobra.Command{
		Use:     "explain SCENARIO",
		Short:   "Print the effective scenario: every default and override spelled out",
		Example: "  foundrylab explain ptu-outage --set tenants[chat].weight=5",
		Args:    takes(1, 1, "one scenario, a file or a shipped name"),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := o.load(c, args[0])
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
		Use:   "schema [fixtures|gateway|resources]",
		Short: "Print the JSON Schema of the scenario format, of fixtures, of a gateway or of resources, for editors",
		Example: `  foundrylab schema > scenario.schema.json
  # then, as the first line of a scenario: # yaml-language-server: $schema=scenario.schema.json
  foundrylab schema fixtures > fixtures.schema.json`,
		Args: takes(0, 1, "nothing, fixtures, gateway or resources"),
		RunE: func(c *cobra.Command, args []string) error {
			schema := scenarios.Schema
			if len(args) > 0 {
				switch args[0] {
				case "fixtures":
					schema = fixture.Schema
				case "gateway":
					schema = gateway.FileSchema
				case "resources":
					schema = simulator.ResourcesSchema
				default:
					return usage("there is no schema %q: say fixtures, gateway or resources, or nothing for scenarios", args[0])
				}
			}
			_, err := c.OutOrStdout().Write(schema())
			return err
		},
	}
}
