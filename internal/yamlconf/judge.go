package yamlconf

// Fail reports a broken rule at a path relative to where the rule belongs.
type Fail = func(path, format string, args ...any)

// Judge checks rules that need the whole document, or more than it, such as
// files it names. got points to what was read, of the type that Decode was
// given; what could not be read is missing from it or zero.
//
// read tells the two apart: whether the value at a path was read. An absent key
// counts as read, unless an unknown key beside it may be what was meant. What
// fail is told about a path that was not read is dropped: that was told already.
type Judge func(got any, read func(path string) bool, fail Fail)

// DecodeAll is Decode with rules for the whole document. They are checked even
// if other things are wrong, so that a person is told of every mistake at once;
// but not where the document as a whole could not be read.
func (d *Doc) DecodeAll(dst any, judge Judge) error { return d.decode(dst, judge) }

// Merge returns the problems of several lists in their order.
func Merge(lists ...Problems) Problems {
	var all findings
	for _, list := range lists {
		all.list = append(all.list, list...)
	}
	return all.sorted()
}

// judge runs the rules for the whole document.
func (d *decoder) judge(got any, judge Judge, root place) {
	if d.misread[""] {
		return
	}
	read := func(path string) bool { return d.wasRead(root, path) }
	judge(got, read, func(path, format string, args ...any) {
		if read(path) {
			d.report(d.doc.locate(root, path), format, args...)
		}
	})
}

// wasRead tells whether the value at a path was read, or is rightly absent.
// What is wrong further inside it does not count.
func (d *decoder) wasRead(root place, path string) bool {
	steps, err := parsePath(path)
	if err != nil {
		return true // a path that names nothing says nothing
	}
	p := root
	for _, s := range steps {
		relative := s.text
		if s.item {
			relative = "[" + s.text + "]"
		}
		parent := p
		p = d.doc.locate(parent, relative)
		absent := p.node == nil && !s.item
		if d.misread[p.path] || absent && d.stray[parent.path] {
			return false
		}
	}
	return true
}

// suspect notes which absent key an unknown one may stand for: the nearest, or
// where none is near, any.
func (d *decoder) suspect(p place, unknown string, known []string) {
	near, ok := Nearest(unknown, known)
	if !ok {
		d.stray[p.path] = true
	} else if _, value := lookup(p.node, near); value == nil {
		d.misread[keyPath(p.path, near)] = true
	}
}
