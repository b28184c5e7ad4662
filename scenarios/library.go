package scenarios

import (
	"embed"
	"errors"
	"io/fs"
	"strings"
)

//go:embed library/*.yaml library/traces/*.csv
var library embed.FS

// Shipped returns a scenario of the shipped library by name, and what reads the
// files that it names.
func Shipped(name string) (src []byte, read ReadFile, ok bool) {
	if strings.ContainsAny(name, `/\.`) {
		return nil, nil, false
	}
	src, err := library.ReadFile("library/" + name + ".yaml")
	return src, readShipped, err == nil
}

func readShipped(path string) ([]byte, error) {
	src, err := library.ReadFile("library/" + path)
	if err != nil {
		return nil, errors.New("the shipped library has no file " + path)
	}
	return src, nil
}

// ShippedNames lists the shipped library, sorted.
func ShippedNames() []string {
	entries, err := fs.ReadDir(library, "library")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	return names
}
