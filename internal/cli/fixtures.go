package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"foundrylab/internal/yamlconf"
	"foundrylab/simulator/fixture"
)

// maxFixtureFiles bounds what a folder of fixtures may hold.
const maxFixtureFiles = 1000

// loadFixtures reads a file of fixtures, or the YAML files of a folder by name. The error has all that is wrong in any.
func loadFixtures(path string) (fixture.Config, error) {
	files, err := fixtureFiles(path)
	if err != nil {
		return fixture.Config{}, err
	}
	var parts []fixture.Config
	var wrong []yamlconf.Problems
	for _, file := range files {
		src, err := readBounded(file)
		if err != nil {
			return fixture.Config{}, usage("%v", err)
		}
		part, err := fixture.Read(file, src)
		if problems := (yamlconf.Problems)(nil); errors.As(err, &problems) {
			wrong = append(wrong, problems)
		} else if err != nil {
			return fixture.Config{}, err
		}
		parts = append(parts, part)
	}
	if len(wrong) > 0 {
		return fixture.Config{}, yamlconf.Merge(wrong...)
	}
	return fixture.Join(parts...), nil
}

func fixtureFiles(path string) ([]string, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	for _, ending := range []string{"*.yaml", "*.yml"} {
		more, err := filepath.Glob(filepath.Join(path, ending))
		if err != nil {
			return nil, usage("--fixtures %s: %v", path, err)
		}
		files = append(files, more...)
	}
	switch slices.Sort(files); {
	case len(files) == 0:
		return nil, usage("--fixtures %s: there is no .yaml or .yml file in it", path)
	case len(files) > maxFixtureFiles:
		return nil, usage("--fixtures %s: %d files, at most %d", path, len(files), maxFixtureFiles)
	}
	return files, nil
}
