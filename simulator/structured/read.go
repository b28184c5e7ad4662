package structured

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reader compiles the schemas of one document; each place becomes one node, so that references may go round.
type reader struct {
	doc      *value
	known    map[*value]*node
	order    []*node
	mistakes []error
}

func (r *reader) fail(path, format string, args ...any) {
	if len(r.mistakes) < 20 {
		r.mistakes = append(r.mistakes, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
	}
}

// node compiles the schema at a place.
func (r *reader) node(v *value, path string) *node {
	if v == nil {
		return nil
	}
	if n := r.known[v]; n != nil {
		return n
	}
	n := &node{types: anyType, minProps: -1, maxProps: -1, minContains: -1, maxContains: -1, minItems: -1, maxItems: -1, minLength: -1, maxLength: -1}
	r.known[v] = n
	r.order = append(r.order, n)
	switch {
	case len(r.order) > maxNodes:
		r.fail(path, "there are more than %d schemas in it", maxNodes)
	case v.kind == boolean:
		n.never = !v.yes
	case v.kind != object:
		r.fail(path, "a schema is an object or a boolean")
	default:
		r.general(n, v, path)
		r.objects(n, v, path)
		r.arrays(n, v, path)
		r.scalars(n, v, path)
		r.composed(n, v, path)
	}
	return n
}

func (r *reader) general(n *node, v *value, path string) {
	if t := v.get("type"); t != nil {
		n.types = 0
		list := []value{*t}
		if t.kind == array {
			list = t.items
		}
		for i := range list {
			if list[i].kind != text || typeNamed(list[i].str) == 0 {
				r.fail(path+"/type", "%s is no type", short(&list[i]))
			}
			n.types |= typeNamed(list[i].str)
		}
	}
	if t := v.get("nullable"); t != nil && t.kind == boolean && t.yes && n.types != anyType {
		n.types |= ofNull
	}
	if e := v.get("enum"); e != nil {
		if e.kind != array {
			r.fail(path+"/enum", "must be an array")
		}
		n.enum, n.only = e.items, true
	}
	if c := v.get("const"); c != nil {
		if n.only {
			n.enum = slices.DeleteFunc(slices.Clone(n.enum), func(e value) bool { return !e.equal(c) })
		} else {
			n.enum = []value{*c}
		}
		n.only = true
	}
}

func (r *reader) objects(n *node, v *value, path string) {
	for i, list := 0, r.members(v, "properties", path); i < len(list); i++ {
		m := &list[i]
		n.properties = append(n.properties, property{m.name, r.node(&m.value, at(path, "properties", m.name))})
	}
	for i, list := 0, r.members(v, "patternProperties", path); i < len(list); i++ {
		m := &list[i]
		where := at(path, "patternProperties", m.name)
		n.patterns = append(n.patterns, patternProperty{r.compilePattern(m.name, where), r.node(&m.value, where)})
	}
	for i, list := 0, r.members(v, "dependentRequired", path); i < len(list); i++ {
		m := &list[i]
		n.needs = append(n.needs, dependency{name: m.name, required: r.names(&m.value, at(path, "dependentRequired", m.name))})
	}
	for i, list := 0, r.members(v, "dependentSchemas", path); i < len(list); i++ {
		m := &list[i]
		n.needs = append(n.needs, dependency{name: m.name, schema: r.node(&m.value, at(path, "dependentSchemas", m.name))})
	}
	if q := v.get("required"); q != nil && q.kind != boolean { // a boolean is draft 3's, of the property
		n.required = r.names(q, path+"/required")
	}
	n.additional = r.node(v.get("additionalProperties"), path+"/additionalProperties")
	n.names = r.node(v.get("propertyNames"), path+"/propertyNames")
	n.minProps, n.maxProps = r.count(v, "minProperties", path), r.count(v, "maxProperties", path)
}

func (r *reader) arrays(n *node, v *value, path string) {
	rest := "items"
	list := v.get("prefixItems")
	if items := v.get("items"); list == nil && items != nil && items.kind == array { // before draft 2020-12
		list, rest = items, "additionalItems"
	}
	if list != nil {
		if list.kind != array {
			r.fail(path+"/prefixItems", "must be an array")
		}
		for i := range list.items {
			n.prefix = append(n.prefix, r.node(&list.items[i], path+"/prefixItems/"+strconv.Itoa(i)))
		}
	}
	n.items = r.node(v.get(rest), path+"/"+rest)
	n.contains = r.node(v.get("contains"), path+"/contains")
	n.minContains, n.maxContains = r.count(v, "minContains", path), r.count(v, "maxContains", path)
	n.minItems, n.maxItems = r.count(v, "minItems", path), r.count(v, "maxItems", path)
	if u := v.get("uniqueItems"); u != nil {
		n.unique = u.kind == boolean && u.yes
	}
}

func (r *reader) scalars(n *node, v *value, path string) {
	n.minLength, n.maxLength = r.count(v, "minLength", path), r.count(v, "maxLength", path)
	if p := v.get("pattern"); p != nil {
		if p.kind != text {
			r.fail(path+"/pattern", "must be a string")
		} else {
			n.pattern = r.compilePattern(p.str, path+"/pattern")
		}
	}
	if f := v.get("format"); f != nil {
		n.format = f.str
	}
	n.least, n.most = r.number(v, "minimum", path), r.number(v, "maximum", path)
	if open := r.bound(v, "exclusiveMinimum", path, &n.leastOpen); open != nil && (n.least == nil || open.Cmp(n.least) >= 0) {
		n.least, n.leastOpen = open, true
	}
	if open := r.bound(v, "exclusiveMaximum", path, &n.mostOpen); open != nil && (n.most == nil || open.Cmp(n.most) <= 0) {
		n.most, n.mostOpen = open, true
	}
	if n.multipleOf = r.number(v, "multipleOf", path); n.multipleOf != nil && n.multipleOf.Sign() <= 0 {
		r.fail(path+"/multipleOf", "must be above zero")
	}
}

// bound reads an exclusive bound: a number, or draft 4's boolean about the other keyword, which goes to open.
func (r *reader) bound(v *value, name, path string, open *bool) *big.Rat {
	if b := v.get(name); b != nil && b.kind == boolean {
		*open = b.yes
		return nil
	}
	return r.number(v, name, path)
}

func (r *reader) composed(n *node, v *value, path string) {
	n.allOf, n.anyOf, n.oneOf = r.list(v, "allOf", path), r.list(v, "anyOf", path), r.list(v, "oneOf", path)
	n.not = r.node(v.get("not"), path+"/not")
	if n.when = r.node(v.get("if"), path+"/if"); n.when != nil {
		n.then, n.other = r.node(v.get("then"), path+"/then"), r.node(v.get("else"), path+"/else")
	}
	for _, defs := range []string{"$defs", "definitions"} {
		for i, list := 0, r.members(v, defs, path); i < len(list); i++ {
			m := &list[i]
			r.node(&m.value, at(path, defs, m.name))
		}
	}
	if ref := v.get("$ref"); ref != nil {
		n.ref = r.resolve(ref.str, path+"/$ref")
	}
}

func (r *reader) list(v *value, name, path string) (nodes []*node) {
	from := v.get(name)
	if from == nil {
		return nil
	}
	if from.kind != array || len(from.items) == 0 {
		r.fail(path+"/"+name, "must be a list of schemas")
	}
	for i := range from.items {
		nodes = append(nodes, r.node(&from.items[i], path+"/"+name+"/"+strconv.Itoa(i)))
	}
	return nodes
}

// resolve finds what a reference within the document names: "#", or "#/" and the path to it.
func (r *reader) resolve(ref, path string) *node {
	pointer, local := strings.CutPrefix(ref, "#")
	if !local {
		r.fail(path, "%q is not within this schema", ref)
		return nil
	}
	v := r.doc
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		next := v.get(step)
		if v.kind == array {
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(v.items) {
				next = &v.items[i]
			}
		}
		if next == nil {
			r.fail(path, "%q names nothing", ref)
			return nil
		}
		v = next
	}
	return r.node(v, ref)
}

// members returns a member that is an object by name.
func (r *reader) members(v *value, name, path string) []member {
	m := v.get(name)
	if m == nil {
		return nil
	}
	if m.kind != object {
		r.fail(path+"/"+name, "must be an object")
		return nil
	}
	return m.members
}

func (r *reader) names(v *value, path string) (list []string) {
	if v.kind != array {
		r.fail(path, "must be an array")
	}
	for i := range v.items {
		if v.items[i].kind != text {
			r.fail(path, "%s is no name", short(&v.items[i]))
		}
		list = append(list, v.items[i].str)
	}
	return list
}

// count reads a keyword that counts; -1 where it is absent.
func (r *reader) count(v *value, name, path string) int {
	m := r.number(v, name, path)
	if m == nil {
		return -1
	}
	if !m.IsInt() || m.Sign() < 0 {
		r.fail(path+"/"+name, "must be a whole number from 0")
		return -1
	}
	if !m.Num().IsInt64() || m.Num().Int64() > 1<<31-1 {
		return 1<<31 - 1
	}
	return int(m.Num().Int64())
}

func (r *reader) number(v *value, name, path string) *big.Rat {
	m := v.get(name)
	if m == nil {
		return nil
	}
	if m.kind != number {
		r.fail(path+"/"+name, "must be a number")
		return nil
	}
	return m.num
}

func (r *reader) compilePattern(source, path string) *pattern {
	re, err := regexp.Compile(source)
	if err != nil {
		r.fail(path, "this regular expression is not supported: %v", err)
		return &pattern{source, regexp.MustCompile("")}
	}
	return &pattern{source, re}
}

func at(path, keyword, name string) string { return path + "/" + keyword + "/" + name }

func short(v *value) string {
	s := v.append(nil)
	if len(s) > 40 {
		return string(s[:40]) + "..."
	}
	return string(s)
}
