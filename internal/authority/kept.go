package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"foundrylab/internal/keyfile"
)

// The files of an authority that is kept. The key's has the certificate too, so that both are always of one authority.
const (
	keyFile = "ca-key.pem" // 0600
	pemFile = "ca.pem"
)

const (
	rootFor = 10 * 365 * 24 * time.Hour
	leafFor = 397 * 24 * time.Hour // what browsers and Apple's systems take at most is little more
)

// Keep returns the authority that is kept in a folder, and the path of its certificate. Where there is none it makes one:
// folder and key are for their owner alone. A key that others can read is refused, as is an authority that has expired.
// Several processes may call it at once.
func Keep(dir string, now time.Time) (a *Authority, certificate string, err error) {
	path := filepath.Join(dir, keyFile)
	text, err := keyfile.Keep(path, func() ([]byte, error) { return create(now) })
	if err != nil {
		return nil, "", err
	}
	if a, err = read(path, text, now); err != nil {
		return nil, "", err
	}
	certificate = filepath.Join(dir, pemFile)
	if have, err := os.ReadFile(certificate); err == nil && bytes.Equal(have, a.PEM()) {
		return a, certificate, nil
	}
	return a, certificate, replace(certificate, a.PEM())
}

// read takes an authority from the text of its file.
func read(path string, text []byte, now time.Time) (*Authority, error) {
	key, root, err := parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w: delete it to get a new authority", path, err)
	case !now.Before(root.NotAfter):
		return nil, fmt.Errorf("%s: the authority has expired on %s: delete it to get a new one, and trust that", path, root.NotAfter.Format(time.DateOnly))
	}
	return &Authority{key, root, now.Add(-time.Hour), minTime(now.Add(leafFor), root.NotAfter)}, nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// parse reads a key and the certificate of it.
func parse(text []byte) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	first, rest := pem.Decode(text)
	second, _ := pem.Decode(rest)
	if first == nil || second == nil || first.Type != "PRIVATE KEY" || second.Type != "CERTIFICATE" {
		return nil, nil, errors.New("is not a key and a certificate")
	}
	any, err := x509.ParsePKCS8PrivateKey(first.Bytes)
	if err != nil {
		return nil, nil, err
	}
	root, err := x509.ParseCertificate(second.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(root.PublicKey) || !root.IsCA {
		return nil, nil, errors.New("the certificate is not one of this key's authority")
	}
	return key, root, nil
}

// create makes an authority, as the text of its file.
func create(now time.Time) ([]byte, error) {
	host, _ := os.Hostname() // a name to know it by; none is no harm
	key, root, err := newRoot(("foundrylab on " + host)[:min(len("foundrylab on ")+len(host), 64)], now.Add(-time.Hour), now.Add(rootFor))
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})...), nil
}

// replace writes a certificate aside, for all to read, and puts it in its place whole.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
