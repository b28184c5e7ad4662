package authority

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What an authority certifies they trust who trust it, and nobody else; two of one name do not trust each other.
func TestAuthority(t *testing.T) {
	own, err := New("run")
	if err != nil {
		t.Fatal(err)
	}
	other, err := New("run")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := own.Certify("backend-0.foundrylab.test")
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	for _, c := range []struct {
		name    string
		config  *tls.Config
		trusted bool
	}{
		{"by name", &tls.Config{RootCAs: own.Pool(), ServerName: "backend-0.foundrylab.test"}, true},
		{"by address", &tls.Config{RootCAs: own.Pool(), ServerName: "127.0.0.1"}, true},
		{"of another run", &tls.Config{RootCAs: other.Pool(), ServerName: "127.0.0.1"}, false},
		{"of nobody", &tls.Config{ServerName: "127.0.0.1"}, false},
		{"another name", &tls.Config{RootCAs: own.Pool(), ServerName: "backend-1.foundrylab.test"}, false},
	} {
		if conn, err := tls.Dial("tcp", l.Addr().String(), c.config); (err == nil) != c.trusted {
			t.Errorf("%s: %v", c.name, err)
		} else if err == nil {
			conn.Close()
		}
	}
}

// The authority of a folder is the same at the next start, and for its owner alone.
func TestKeep(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	dir := filepath.Join(t.TempDir(), "a", "tls")
	first, path, err := Keep(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := Keep(dir, now.Add(time.Hour))
	if err != nil || !bytes.Equal(first.PEM(), again.PEM()) {
		t.Errorf("another one at the next start: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, first.PEM()) || bytes.Contains(text, []byte("PRIVATE")) {
		t.Errorf("%v %s", err, text)
	}
	for name, mode := range map[string]fs.FileMode{dir: 0o700, path: 0o644, filepath.Join(dir, keyFile): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, err, info.Mode().Perm())
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v %v", err, left)
	}
	cert, err := again.Certify("b.example", "a.example")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil || leaf.NotAfter.Sub(now) > 398*24*time.Hour || leaf.VerifyHostname("a.example") != nil || leaf.VerifyHostname("127.0.0.1") != nil {
		t.Errorf("%v %v", err, leaf.NotAfter)
	}
	if err := os.Remove(path); err != nil { // it comes again
		t.Fatal(err)
	}
	if _, path, err := Keep(dir, now); err != nil {
		t.Error(err)
	} else if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// Those who make it at once make one.
func TestKeepAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	var pems [8][]byte
	for i := range pems {
		all.Go(func() {
			a, _, err := Keep(dir, time.Now())
			if err != nil {
				t.Error(err)
				return
			}
			pems[i] = a.PEM()
		})
	}
	all.Wait()
	for i := range pems {
		if !bytes.Equal(pems[i], pems[0]) {
			t.Errorf("%d has another authority", i)
		}
	}
}

func TestKeepMistakes(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		harm func(path string) error
		now  time.Time
		want string
	}{
		{"others can read it", func(path string) error { return os.Chmod(path, 0o640) }, now, "others can read this key"},
		{"it is no key", func(path string) error { return os.WriteFile(path, []byte("hello"), 0o600) }, now, "is not a key"},
		{"it is half a file", func(path string) error { return os.Truncate(path, 300) }, now, "is not a key"},
		{"it has expired", func(string) error { return nil }, now.AddDate(11, 0, 0), "has expired"},
	} {
		dir := t.TempDir()
		if _, _, err := Keep(dir, now); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, keyFile)
		if err := tt.harm(path); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Keep(dir, tt.now); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, _, err := Keep(os.DevNull, now); err == nil {
		t.Error("a folder that is none")
	}
}

// A server has a certificate of every name that it is called by, up to a bound.
func TestNames(t *testing.T) {
	a, err := New("test")
	if err != nil {
		t.Fatal(err)
	}
	names, err := a.Names("a.example")
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxNames + 10 {
		name := fmt.Sprintf("n%d.example", i)
		c, err := names.certificate(&tls.ClientHelloInfo{ServerName: strings.ToUpper(name)})
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		made := leaf.VerifyHostname(name) == nil
		if want := i < maxNames-3; made != want { // three names are the server's own
			t.Errorf("%s: %v", name, leaf.DNSNames)
		}
	}
	if len(names.made) != maxNames {
		t.Errorf("%d certificates", len(names.made))
	}
	for _, own := range []string{"", "localhost", "a.example"} {
		if c, err := names.certificate(&tls.ClientHelloInfo{ServerName: own}); err != nil || c != names.own {
			t.Errorf("%q: %v", own, err)
		}
	}
}
