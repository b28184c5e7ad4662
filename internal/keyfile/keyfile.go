// Package keyfile keeps secrets in files: made once, readable by their owner alone, and the same for every process
// that asks.
package keyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxSize bounds what is read, in bytes.
const maxSize = 64 << 10

// Keep returns the content of the file at path. Where there is none it is made first, with its directory, from what
// generate returns, with the mode 0600. Of several processes that do so at once one wins, and all return its content; none sees
// half of it. Errors name the path and never the content.
func Keep(path string, generate func() ([]byte, error)) ([]byte, error) {
	text, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	text, err = generate()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	made, err := os.CreateTemp(filepath.Dir(path), ".new-*") // CreateTemp makes it 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(made.Name())
	_, err = made.Write(text)
	if err := errors.Join(err, made.Sync(), made.Close()); err != nil {
		return nil, err
	}
	err = os.Link(made.Name(), path) // fails where another process was faster
	if err == nil || errors.Is(err, fs.ErrExist) {
		return read(path)
	}
	return nil, err
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is no regular file", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("%s: others can read this key (%v): chmod 600 it, or delete it to get a new one", path, info.Mode().Perm())
	case info.Size() > maxSize:
		return nil, fmt.Errorf("%s: is larger than %d KiB: that is no key", path, maxSize>>10)
	}
	return os.ReadFile(path)
}
