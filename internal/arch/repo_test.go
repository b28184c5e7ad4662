package arch

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// repoFile reads a file of the repository by lines; a missing one is a finding.
func (p *pass) repoFile(name string) []string {
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.reportAt(name, 1, "%v", err)
		return nil
	}
	return strings.Split(string(b), "\n")
}

// lineWith gives the number of the first line that contains the text, or 1.
func lineWith(lines []string, text string) int {
	return 1 + max(0, slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, text) }))
}

func checkDirect(p *pass) {
	lines := p.repoFile("go.mod")
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = p.dir
	out, err := cmd.Output()
	if err != nil {
		p.reportAt("go.mod", 1, "go mod edit -json: %v", err)
		return
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		p.reportAt("go.mod", 1, "go mod edit -json: %v", err)
	}
	for _, r := range mod.Require {
		known := slices.ContainsFunc(dependencies, func(d dependency) bool { return d.module == r.Path })
		if !r.Indirect && !known {
			p.reportAt("go.mod", lineWith(lines, r.Path+" "), "%s is not in the dependency table in internal/arch/tables_test.go", r.Path)
		}
	}
}

// checkDockerfile reads instructions as far as this file needs them: one a line, continuation lines belong to the first.
func checkDockerfile(p *pass) {
	lines := p.repoFile("Dockerfile")
	var stages, from int
	var user, entry string
	for i, l := range lines {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "FROM":
			stages, from, user, entry = stages+1, i+1, "", ""
		case "USER":
			user = f[1]
		case "ENTRYPOINT":
			entry = l
		}
	}
	text := strings.Join(lines, "\n")
	id, _, _ := strings.Cut(user, ":")
	for _, c := range []struct {
		ok   bool
		want string
	}{
		{stages == 2, "two stages: one that builds, one that is shipped"},
		{id != "" && id != "0" && strings.Trim(id, "0123456789") == "", "a numeric USER other than 0 in the last stage (Kubernetes' runAsNonRoot reads numbers only)"},
		{strings.Contains(entry, "foundrylab"), "an ENTRYPOINT that is foundrylab"},
		{strings.Contains(text, "CGO_ENABLED=0") && strings.Contains(text, "-trimpath"), "a build with CGO_ENABLED=0 and -trimpath"},
		{strings.Contains(text, "EXPOSE 8080"), "EXPOSE 8080"},
	} {
		if !c.ok {
			p.reportAt("Dockerfile", max(from, 1), "the image needs %s", c.want)
		}
	}
}

// checkRaceList compares the packages that the Makefile runs under the race detector with those that may start goroutines or hold
// locks, as far as they exist. The command line only joins them together.
func checkRaceList(p *pass) {
	lines := p.repoFile("Makefile")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "RACE_PACKAGES") })
	if at < 0 {
		p.reportAt("Makefile", 1, "no line RACE_PACKAGES := ...")
		return
	}
	var want []string
	for _, u := range p.units {
		if u.class != nil && u.class.layer <= shell && u.class.purity == worldly {
			want = append(want, "./"+u.path)
		}
	}
	_, list, _ := strings.Cut(lines[at], ":=")
	list, _, _ = strings.Cut(list, "#")
	have := strings.Fields(list)
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		p.reportAt("Makefile", at+1, "RACE_PACKAGES is [%s], the shell packages are [%s]", strings.Join(have, " "), strings.Join(want, " "))
	}
}

// tableName is how CONTRIBUTING.md speaks of a package variable: `gateway/route.Policies`.
var tableName = regexp.MustCompile("`((?:[a-z]+/)+[a-z]+)\\.([A-Za-z]+)`")

// fileSuffix ends names that look like a variable's and are files.
var fileSuffix = []string{"go", "md", "mod", "txtar", "yaml"}

// checkContributing wants every rule named in CONTRIBUTING.md, and every table that it sends people to.
func checkContributing(p *pass) {
	const page = "CONTRIBUTING.md"
	lines := p.repoFile(page)
	text := strings.Join(lines, "\n")
	for _, r := range p.all {
		if !strings.Contains(text, "`"+r.name+"`") {
			p.reportAt(page, 1, "the rule `%s` is not explained: %s", r.name, r.promise)
		}
	}
	for i, l := range lines {
		for _, m := range tableName.FindAllStringSubmatch(l, -1) {
			if !slices.Contains(fileSuffix, m[2]) && !p.declares(m[1], m[2]) {
				p.reportAt(page, i+1, "package %s declares no %s", m[1], m[2])
			}
		}
	}
}

func (p *pass) declares(path, name string) bool {
	for _, u := range p.units {
		for _, s := range u.sources {
			if u.path == path && !s.test && s.pkg.Types.Scope().Lookup(name) != nil {
				return true
			}
		}
	}
	return false
}
