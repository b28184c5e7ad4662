package gateway

import (
	"errors"
	"strings"
	"testing"

	"foundrylab/gateway/identity"
)

const smallFile = `version: 1
backends: [{name: a, url: http://a.test, key: {env: A}}, {name: b, url: http://b.test, deployment: gpt, key: {file: b.key}}]
gateway: {route: {groups: [[a, b]]}}
tenants: [{name: team, models: [gpt-*], compliance: {n: {max: 2}}}]
identity: {keys: [{tenant: team, secret: {env: K}}]}
front_door_id: an-id
max_body: 5k
`

// A file becomes what would be written in Go, with its secrets; a gateway made of it serves.
func TestFile(t *testing.T) {
	f, err := ReadFile("g.yaml", []byte(smallFile))
	if err != nil {
		t.Fatal(err)
	}
	if f.Listen.Address != "127.0.0.1:8000" || f.Listen.Drain == 0 || f.Tenants[0].Rules.N.Action != "reject" || f.Tenants[0].Rules.Tools != "allow" {
		t.Errorf("defaults: %+v", f)
	}
	from := identity.Source{Env: func(name string) (string, bool) { return "secret-of-variable-" + name, true },
		File: func(path string) ([]byte, error) { return []byte("secret-of-" + path + "\n"), nil }}
	cfg, err := f.Config(from)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Backends[0].Key != "secret-of-variable-A" || cfg.Backends[1].Key != "secret-of-b.key" || cfg.Backends[1].Deployment != "gpt" || cfg.Clients[0].Models[0] != "gpt-*" {
		t.Errorf("%+v", cfg)
	}
	if cfg.MaxBody != 5000 || cfg.FrontDoor != "an-id" || cfg.Clients[0].Rules.N.Max != 2 || len(cfg.Identity.Keys) != 1 {
		t.Errorf("%+v", cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
}

func TestFileWithoutItsSecrets(t *testing.T) {
	f, err := ReadFile("g.yaml", []byte(smallFile))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Config(identity.Source{Env: func(string) (string, bool) { return "", false }, File: func(path string) ([]byte, error) { return nil, errors.New(path + ": gone") }})
	for _, want := range []string{"backends[0].key: the environment has no variable A", "backends[1].key: b.key: gone"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s in %v", want, err)
		}
	}
}

// Whoever writes no identity has a gateway for everybody, as before.
func TestFileWithoutIdentity(t *testing.T) {
	f, err := ReadFile("g.yaml", []byte("version: 1\nbackends: [{name: a, url: http://a.test}]\ngateway: {route: {groups: [[a]]}}\n"))
	if err != nil || f.Identity.Enabled() {
		t.Errorf("%+v %v", f, err)
	}
	_, err = ReadFile("g.yaml", []byte("version: 1\nbackends: [{name: a, url: http://a.test}]\ngateway: {route: {groups: [[a]]}}\ntenants: [{name: x}]\n"))
	if err == nil || !strings.Contains(err.Error(), "nobody can be any of them") {
		t.Errorf("%v", err)
	}
}

// A request may go to any backend: they must be of one model and version.
func TestOneModel(t *testing.T) {
	for models, want := range map[string]string{"gpt-4.1@1 gpt-4.1@1": "", "- -": "", "gpt-4.1@1 gpt-4.1@2": `g.yaml:4:55: backends[1].model: is "gpt-4.1@2", that of backends[0] is "gpt-4.1@1"`, "- gpt-4.1@1": `backends[0].model: is "", that of backends[1]`} {
		src := "version: 1\nbackends:"
		for i, m := range strings.Fields(models) {
			src += "\n- {name: " + string(rune('a'+i)) + ", deployment: d, url: http://a.test" + strings.Replace(", model: "+m, ", model: -", "", 1) + "}"
		}
		_, err := ReadFile("g.yaml", []byte(src+"\ngateway: {route: {groups: [[a, b]]}}\n"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", models, err)
		}
	}
}

// No file makes the reader panic.
func FuzzReadFile(f *testing.F) {
	f.Add([]byte(smallFile))
	f.Add([]byte("version: 1\nidentity: {mtls: {ca: x, clients: [{tenant: a}]}, jwt: [{issuer: x}]}"))
	f.Add([]byte(poolsFile))
	f.Add([]byte(totalsFile))
	f.Add([]byte(strings.Replace(poolsFile, "[[east], [west]]}", "[[east], [west]]}, canary: {backends: [west], share: 5%, by: tenant, header: 'x: 1', rollback: {failures: 0%}}", 1)))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := ReadFile("g.yaml", src)
		if err != nil {
			return
		}
		// What a file may say a gateway may be.
		cfg, err := file.Config(identity.Source{Env: func(string) (string, bool) { return "a-secret-of-the-test", true }, File: func(string) ([]byte, error) { return nil, errors.New("there are no files") }})
		if err != nil {
			return
		}
		if err := cfg.check(); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	})
}
