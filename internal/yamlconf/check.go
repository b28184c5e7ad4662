package yamlconf

// Fail reports a broken rule at a path relative to where the rule belongs.
type Fail = func(path, format string, args ...any)

// Check runs rules that need more than the document, such as files it names,
// and places what they find. The error is of type Problems.
func (d *Doc) Check(rules func(Fail)) error {
	dec := decoder{doc: d}
	root := place{node: d.root, at: d.root}
	rules(func(path, format string, args ...any) { dec.fail(d.locate(root, path), format, args...) })
	if problems := dec.found.sorted(); len(problems) > 0 {
		return problems
	}
	return nil
}
