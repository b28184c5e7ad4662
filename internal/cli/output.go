package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"foundrylab/internal/record"
	"foundrylab/reports/render"
)

// output is the directory reports go to; the zero output writes nothing.
type output struct {
	dir  string
	made []string // directories that were not there before, innermost first
}

// openOutput makes sure, before anything runs, that reports can be written.
func openOutput(dir string) (output, error) {
	o := output{dir: dir}
	if dir == "" {
		return o, nil
	}
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		o.made = append(o.made, d)
	}
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, ".foundrylab-*"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		o.abandon()
		return output{}, &exitError{exitInternal, fmt.Errorf("--out %s: nothing can be written there: %w", dir, err)}
	}
	return o, nil
}

// abandon removes the directories that openOutput made, as far as they are
// empty.
func (o output) abandon() {
	for _, d := range o.made {
		_ = os.Remove(d) // what is left behind is an empty directory
	}
}

// write renders every report first and then puts each in place whole, so that
// no reader ever sees half a file.
func (o output) write(r *record.Result) error {
	if o.dir == "" {
		return nil
	}
	type file struct {
		name string
		body []byte
	}
	var files []file
	for _, f := range []struct {
		name   string
		render func(*record.Result) ([]byte, error)
	}{
		{"report.json", render.JSON},
		{"report.html", render.HTML},
		{"report.md", func(r *record.Result) ([]byte, error) { return render.Markdown(r), nil }},
		{"junit.xml", render.JUnit},
	} {
		body, err := f.render(r)
		if err != nil {
			return &exitError{exitInternal, fmt.Errorf("rendering %s: %w", f.name, err)}
		}
		files = append(files, file{f.name, body})
	}
	for _, f := range files {
		if err := writeWhole(filepath.Join(o.dir, f.name), f.body); err != nil {
			return &exitError{exitInternal, err}
		}
	}
	return nil
}

func writeWhole(path string, body []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".foundrylab-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(body)
	if e := tmp.Chmod(0o644); err == nil {
		err = e
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error tells what went wrong
	}
	return err
}

// entryFile writes a run's entries to a file, complete or not at all.
type entryFile struct {
	*record.Writer
	path string
	tmp  *os.File
	buf  *bufio.Writer
}

func openEntries(path string) (*entryFile, error) {
	if path == "" {
		return nil, nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, usage("--record %s: is a directory, not a file", path)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".foundrylab-*")
	if err != nil {
		return nil, &exitError{exitInternal, fmt.Errorf("--record %s: nothing can be written there: %w", path, err)}
	}
	buf := bufio.NewWriterSize(tmp, 1<<20)
	return &entryFile{record.NewWriter(buf), path, tmp, buf}, nil
}

// Close ends the file with the run's header and puts it in place.
func (f *entryFile) Close(h record.Header) error {
	err := f.Writer.Finish(h)
	if e := f.buf.Flush(); err == nil {
		err = e
	}
	if e := f.tmp.Chmod(0o644); err == nil {
		err = e
	}
	if e := f.tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.tmp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.tmp.Name()) // the first error tells what went wrong
		return &exitError{exitInternal, fmt.Errorf("--record %s: %w", f.path, err)}
	}
	return nil
}

// abandon leaves no file; nil is fine.
func (f *entryFile) abandon() {
	if f != nil {
		_ = errors.Join(f.tmp.Close(), os.Remove(f.tmp.Name())) // another error is being told
	}
}
