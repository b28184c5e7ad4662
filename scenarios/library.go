package scenarios

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed library/*.yaml
var library embed.FS

// Shipped returns a scenario of the shipped library by name.
func Shipped(name string) ([]byte, bool) {
	if strings.ContainsAny(name, "/\\.") {
		return nil, false
	}
	src, err := library.ReadFile("library/" + name + ".yaml")
	return src, err == nil
}

// ShippedNames lists the shipped library.
func ShippedNames() []string {
	entries, err := fs.ReadDir(library, "library")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}
