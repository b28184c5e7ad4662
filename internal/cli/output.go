package cli

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"foundrylab/internal/record"
	"foundrylab/reports/render"
)

// output is the directory reports go to; the zero output writes nothing.
type output struct{ dir string }

// openOutput makes sure, before anything runs, that reports can be written.
func openOutput(dir string) (output, error) {
	if dir == "" {
		return output{}, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return output{}, &exitError{exitInternal, fmt.Errorf("--out: %w", err)}
	}
	probe, err := os.CreateTemp(dir, ".foundrylab-*")
	if err != nil {
		return output{}, &exitError{exitInternal, fmt.Errorf("--out: %w", err)}
	}
	name := probe.Name()
	if err := probe.Close(); err != nil {
		return output{}, &exitError{exitInternal, fmt.Errorf("--out: %w", err)}
	}
	if err := os.Remove(name); err != nil {
		return output{}, &exitError{exitInternal, fmt.Errorf("--out: %w", err)}
	}
	return output{dir}, nil
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
	tmp, err := os.CreateTemp(filepath.Dir(path), ".foundrylab-*")
	if err != nil {
		return nil, &exitError{exitInternal, fmt.Errorf("--record: %w", err)}
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
	if e := f.tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.tmp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.tmp.Name())
	}
	return err
}
