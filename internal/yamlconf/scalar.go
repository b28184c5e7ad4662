package yamlconf

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalar reads a string, bool, int or text type.
func (d *decoder) scalar(dst reflect.Value, p place, r rules) {
	n := p.node
	if n.Kind != yaml.ScalarNode {
		d.fail(p, "expected %s, found %s", expected(dst.Type()), foundText(n))
		return
	}
	switch shapeOf(dst.Type()) {
	case shapeString:
		d.text(dst, p, r)
	case shapeBool:
		d.bool(dst, p)
	case shapeText:
		d.unmarshal(dst, p, r)
	default:
		d.int(dst, p, r)
	}
}

// expected says in a message what kind of scalar a type takes.
func expected(t reflect.Type) string {
	switch shapeOf(t) {
	case shapeString:
		return "a string"
	case shapeBool:
		return "true or false"
	case shapeText:
		if example, ok := reflect.New(t).Interface().(TextSchema); ok {
			return "a value such as " + example.Example()
		}
		return "a string"
	}
	return "a whole number"
}

func (d *decoder) text(dst reflect.Value, p place, r rules) {
	n := p.node
	switch n.Tag {
	case "!!int", "!!float", "!!bool":
		d.fail(p, `expected a string, found %s: put quotes around it, "%s"`, foundText(n), clip(n.Value))
		return
	}
	if d.inEnum(p, r) {
		dst.SetString(n.Value)
	}
}

// inEnum reports a text that an enum does not list.
func (d *decoder) inEnum(p place, r rules) bool {
	if r.enum == nil || slices.Contains(r.enum, p.node.Value) {
		return true
	}
	d.fail(p, "%s is not one of %s%s", quoted(p.node.Value), strings.Join(r.enum, ", "), suggestion(p.node.Value, r.enum))
	return false
}

func (d *decoder) bool(dst reflect.Value, p place) {
	n := p.node
	value, err := strconv.ParseBool(strings.ToLower(n.Value))
	if n.Tag != "!!bool" || err != nil {
		d.fail(p, "expected true or false, found %s", foundText(n))
		return
	}
	dst.SetBool(value)
}

// unmarshal reads a text type, which sees a number as it was spelled.
func (d *decoder) unmarshal(dst reflect.Value, p place, r rules) {
	n := p.node
	if n.Tag == "!!bool" {
		d.fail(p, "expected %s, found %s", expected(dst.Type()), foundText(n))
		return
	}
	if !d.inEnum(p, r) {
		return
	}
	if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
		d.fail(p, "%v", err)
		return
	}
	d.inBounds(dst, p, r)
}

func (d *decoder) int(dst reflect.Value, p place, r rules) {
	n := p.node
	switch {
	case n.Tag != "!!int" && n.Tag != "!!float":
		d.fail(p, "expected a whole number, found %s", foundText(n))
		return
	case strings.Trim(n.Value, "-0123456789") != "" || n.Tag == "!!int" && !plainInt(n.Value):
		d.fail(p, "expected a whole number in plain digits, found %s", clip(n.Value))
		return
	}
	value, err := parseBound(dst.Type(), n.Value)
	if err != nil {
		low, high := limits(dst.Type())
		d.fail(p, "must be from %s to %s, found %s", cmp.Or(r.min, low), cmp.Or(r.max, high), clip(n.Value))
		return
	}
	dst.Set(value)
	d.inBounds(dst, p, r)
}

// limits are the least and largest value of an int type.
func limits(t reflect.Type) (low, high string) {
	if shapeOf(t) == shapeUint {
		return "0", strconv.FormatUint(1<<t.Bits()-1, 10)
	}
	high = strconv.FormatUint(1<<(t.Bits()-1)-1, 10)
	return "-" + strconv.FormatUint(1<<(t.Bits()-1), 10), high
}

// inBounds reports a value below min or above max.
func (d *decoder) inBounds(v reflect.Value, p place, r rules) {
	low := r.min != "" && compare(v, r.min) < 0
	high := r.max != "" && compare(v, r.max) > 0
	switch found := clip(p.node.Value); {
	case (low || high) && r.min == r.max:
		d.fail(p, "must be %s, found %s", r.min, found)
	case low:
		d.fail(p, "must be at least %s, found %s", r.min, found)
	case high:
		d.fail(p, "must be at most %s, found %s", r.max, found)
	}
}

// compare orders an int and a bound of its type.
func compare(v reflect.Value, bound string) int {
	limit, err := parseBound(v.Type(), bound)
	if err != nil {
		panic(fmt.Sprintf("yamlconf: bound %q of %s: %v", bound, v.Type(), err))
	}
	if v.CanUint() {
		return cmp.Compare(v.Uint(), limit.Uint())
	}
	return cmp.Compare(v.Int(), limit.Int())
}
