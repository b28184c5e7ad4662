package content

import "strconv"

// members appends the members of an object, in order: b ends with its brace or with the member before.
type members struct{ b []byte }

func (m *members) name(name string) {
	if last := m.b[len(m.b)-1]; last != '{' && last != '[' {
		m.b = append(m.b, ',')
	}
	m.b = append(append(append(m.b, '"'), name...), `":`...)
}

func (m *members) raw(name, json string) {
	m.name(name)
	m.b = append(m.b, json...)
}

func (m *members) text(name, value string) {
	m.name(name)
	m.b = appendQuoted(m.b, value)
}

func (m *members) int(name string, value int) {
	m.name(name)
	m.b = strconv.AppendInt(m.b, int64(value), 10)
}

// intOrNull has null for what is negative.
func (m *members) intOrNull(name string, value int) {
	if value < 0 {
		m.raw(name, "null")
		return
	}
	m.int(name, value)
}

func (m *members) bool(name string, value bool) {
	m.name(name)
	m.b = strconv.AppendBool(m.b, value)
}

// textOrNull has null for "".
func (m *members) textOrNull(name, value string) {
	m.name(name)
	m.b = appendOrNull(m.b, value)
}

// given has what a request said, or else a default; both are JSON.
func (m *members) given(name string, said []byte, otherwise string) {
	m.name(name)
	if said == nil {
		m.b = append(m.b, otherwise...)
		return
	}
	m.b = append(m.b, said...)
}
