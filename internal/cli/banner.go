package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"foundrylab/simulator"
)

// defaultKey opens the ready-made resource.
const defaultKey = "foundrylab-key"

// banner tells who has started the ready-made resource where it is and how to talk to it.
func banner(w io.Writer, listening string, cfg *simulator.Config) {
	first := &cfg.Deployments[0]
	p := place{reachable(listening), cmp.Or(first.Key, defaultKey), first.Name}
	fmt.Fprintf(w, "Simulating on %s  api-key: %s\n\n", listening, p.key)
	fmt.Fprintf(w, "  OpenAI SDKs    base URL  %s/openai/v1\n", p.url)
	fmt.Fprintf(w, "  Azure OpenAI   endpoint  %s\n", p.url)
	fmt.Fprintf(w, "  Anthropic SDKs base URL  %s/anthropic\n\n", p.url)
	var names []string
	for _, d := range cfg.Deployments {
		names = append(names, d.Name)
	}
	fmt.Fprintf(w, "  deployments    %s\n", wrapped(names, 17))
	if cfg.OnFirstUse > 0 {
		fmt.Fprintf(w, "%17sany other name is deployed on first use (--only-deployed: 404)\n", "")
	}
	fmt.Fprintf(w, "\nTry it:\n%s", indented(snippetNamed("curl").text(p)))
	elsewhere := ""
	if p.url != "http://127.0.0.1:8080" {
		elsewhere = " --url " + p.url
	}
	if p.key != defaultKey {
		elsewhere += " --key " + p.key
	}
	fmt.Fprintf(w, "\nFor your SDK:  foundrylab snippets python%s\n               %s\n\n", elsewhere, wrapped(snippetNames(), 15))
}

func snippetNamed(name string) snippet {
	for _, s := range snippets {
		if s.name == name {
			return s
		}
	}
	panic("cli: there is no snippet " + name)
}

// wrapped lists words in lines of at most 100 columns, of which the later ones are indented.
func wrapped(words []string, indent int) string {
	var text strings.Builder
	column := indent
	for i, word := range words {
		switch {
		case i == 0:
		case column+2+len(word) > 100:
			text.WriteString(",\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			text.WriteString(", ")
			column += 2
		}
		text.WriteString(word)
		column += len(word)
	}
	return text.String()
}

func indented(text string) (out string) {
	for line := range strings.Lines(text) {
		out += "  " + line
	}
	return out
}

// bannerOfMany tells where several resources are; more are the addresses that they have of their own, in order.
func bannerOfMany(w io.Writer, listening string, more []string, all *simulator.Resources) {
	url := reachable(listening)
	scheme, _, _ := strings.Cut(url, ":")
	port := url[strings.LastIndex(url, ":")+1:]
	fmt.Fprintf(w, "Simulating on %s  %d resources\n", listening, len(all.Resources))
	for i := range all.Resources {
		r := &all.Resources[i]
		fmt.Fprintf(w, "\n  %s  %s  api-key: %s\n", r.Name, r.Region, r.Key)
		fmt.Fprintf(w, "    %s/resources/%s\n    %s://%s.localhost:%s\n", url, r.Name, scheme, strings.ToLower(r.Name), port)
		if r.Listen != "" {
			fmt.Fprintf(w, "    %s\n", more[0])
			more = more[1:]
		}
		fmt.Fprintf(w, "    Host: %s\n", wrapped(simulator.HostNames(r.Name)[:3], 10))
		if i == 0 {
			fmt.Fprintf(w, "    and what names no resource\n")
		}
	}
	fmt.Fprintf(w, "\nFor your SDK:  foundrylab snippets python --url %s/resources/%s --key %s\n\n", url, all.Resources[0].Name, all.Resources[0].Key)
}
