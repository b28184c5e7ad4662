package main

import (
	"os"

	"foundrylab/internal/record"
	"foundrylab/reports/render"
	"foundrylab/reports/reporttest"
)

func main() {
	w := func(name string, r *record.Result) {
		for _, f := range render.All {
			b, err := f.Render(r)
			if err != nil {
				panic(err)
			}
			os.WriteFile("/tmp/shots/"+name+"."+f.File[len(f.File)-4:], b, 0o644)
			if f.Name == "html" {
				os.WriteFile("/tmp/shots/"+name+".html", b, 0o644)
			}
		}
	}
	w("fail", reporttest.Result(1000))
	w("pass", reporttest.Passed(1000))
	w("void", reporttest.Void(10000))
	w("hostile", reporttest.Hostile(10000, `<script>alert(1)</script>"'|&`))
}
