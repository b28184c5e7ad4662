package identity

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Secret says where a secret is, so that it stands in no configuration.
type Secret struct {
	Env  string `yaml:"env" doc:"name of an environment variable"`
	File string `yaml:"file" doc:"path of a file; blanks and line ends around the secret do not count"`
}

// Validate implements yamlconf.Validator.
func (s Secret) Validate(fail func(path, format string, args ...any)) {
	if (s.Env == "") == (s.File == "") {
		fail("", "give either env or file")
	}
}

// Source is where secrets are read from.
type Source struct {
	Env  func(name string) (value string, ok bool)
	File func(path string) ([]byte, error)
}

// maxFile bounds a file that is read, in bytes.
const maxFile = 1 << 20

// OS reads from the environment and the files of this process.
var OS = Source{Env: os.LookupEnv, File: readFile}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: is larger than %d KiB", path, maxFile>>10)
	}
	return text, err
}

// Read returns a secret. Errors name the place, never what is there.
func (from Source) Read(s *Secret) (string, error) {
	var text string
	if s.Env != "" {
		value, ok := from.Env(s.Env)
		if !ok {
			return "", fmt.Errorf("the environment has no variable %s: set it where the gateway is started", s.Env)
		}
		text = value
	} else {
		content, err := from.File(s.File)
		if err != nil {
			return "", err
		}
		text = string(content)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", errors.New("the secret is empty")
	}
	if !isPrintable(text) {
		return "", errors.New("the secret has characters that no header can carry")
	}
	return text, nil
}

// Moment is a time in a configuration, in RFC 3339.
type Moment struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Moment) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return fmt.Errorf("%q is no time such as %s", text, m.Example())
	}
	m.Time = t
	return nil
}

// Example is a text that is one.
func (Moment) Example() string { return "2027-01-31T00:00:00Z" }

// Pattern describes the texts that are one.
func (Moment) Pattern() string {
	return `^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$`
}
