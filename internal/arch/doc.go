// Package arch guards the shape of the module. It owns the table that says which layer every package belongs to
// (tables_test.go) and the rules that each layer keeps: who may import whom, what a pure package must not touch, how long a
// function may be, which modules the project depends on. It holds tests only and refuses to hold anything the product runs.
//
// The rules read resolved types, not text: an alias, a dot import, a method value or a named channel type is seen for what it is.
// What they cannot see is said beside each rule. Every rule is itself proved by a line of testdata/violations.txtar that breaks it.
//
// A new package needs one line in the table. A finding names file, line, rule and what to do instead.
package arch
