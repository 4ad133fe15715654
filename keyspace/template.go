package keyspace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Compile reads a template such as "{tenant}:user:{id}". The package comment
// says what a template may hold and how its parts are escaped.
func Compile(source string) (Pattern, error) { return compile(source, 0) }

// MustCompile is Compile for templates that are constants: it panics where
// Compile gives an error.
func MustCompile(source string) Pattern { return must(Compile(source)) }

// PythonOption changes which parts [Python] and [CompilePython] take.
type PythonOption uint8

// AllowAmbiguous takes every part that the Python package takes, also where
// different parts give one key. Without it a ":" in such a part is
// [ErrInvalidKey].
const AllowAmbiguous PythonOption = 1

// CompilePython is Compile with the Python package's escaping, for prefixes of
// one's own: a service that calls its triggers "X" there has
// "{tenant}:X:{action}:{id}" here. The names of the parameters matter. If
// {action} is followed by {id}, {state} by {user}, or {table} by {pk}, a ":" in
// these two becomes "_", as in that package's triggers, shared states and tables.
// All else is verbatim. See [Python] for the parts that are refused, and
// [AllowAmbiguous].
func CompilePython(source string, opts ...PythonOption) (Pattern, error) {
	return compile(source, pythonDialect(opts))
}

func pythonDialect(opts []PythonOption) dialect {
	if slices.Contains(opts, AllowAmbiguous) {
		return python | ambiguous
	}
	return python
}

// template holds literals[i] before params[i] and one more at the end. The
// braces of a hash tag belong to the literals around it.
type template struct {
	source   string
	literals []string
	params   []param
	python   bool
}

type param struct {
	name string
	rule rule
}

type dialect uint8

const (
	python    dialect = 1 << iota // the Python package's escaping
	braceless                     // no braces in any part, with a hash tag or without
	ambiguous                     // of python: different parts may give one key
)

func must(p Pattern, err error) Pattern {
	if err != nil {
		panic(err)
	}
	return p
}

func compile(source string, d dialect) (Pattern, error) {
	t := &template{source: source, python: d&python != 0}
	tag, err := t.scan()
	if err != nil {
		return Pattern{}, fmt.Errorf("keyspace: template %q: %w", source, err)
	}
	for i := range t.params {
		t.params[i].rule = t.ruleOf(i, d)
		if tag || d&braceless != 0 {
			t.params[i].rule |= noBraces
		}
	}
	return Pattern{t}, nil
}

// ruleOf is how a dialect keeps param i from being mistaken for its neighbours.
// The last part of a template that begins with a parameter needs nothing.
func (t *template) ruleOf(i int, d dialect) (r rule) {
	last := i == len(t.params)-1 && t.source[0] == '{'
	switch {
	case t.python && t.underscored(i):
		r = underscore
	case last:
		return 0
	case !t.python:
		return escape
	}
	if d&ambiguous == 0 {
		r |= noColon
	}
	return r
}

// scan fills literals and params, and reports whether there is a hash tag.
func (t *template) scan() (tag bool, err error) {
	if strings.Contains(t.source, "\x00") {
		return false, errors.New("holds a NUL byte; take it out")
	}
	rest, after := t.source, ""
	for {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			break
		}
		literal := rest[:at]
		if rest[at] == '}' {
			return false, fmt.Errorf("a } after %q closes nothing; write parameters as {name}", literal)
		}
		opening, closing := "{", "}"
		if strings.HasPrefix(rest[at:], "{{") {
			opening, closing = "{{", "}}"
		}
		name, tail, closed := strings.Cut(rest[at+len(opening):], closing)
		if !closed {
			return false, fmt.Errorf("%s is never closed; write {name}, or {{name}} for the hash tag", rest[at:])
		}
		isTag := opening == "{{"
		if err := t.allows(name, literal, isTag); err != nil {
			return false, err
		}
		switch {
		case isTag && tag:
			return false, fmt.Errorf("{{%s}} is a second hash tag; Redis takes the first alone, so write {%s}", name, name)
		case isTag:
			t.literals, after = append(t.literals, after+literal+"{"), "}"
		default:
			t.literals, after = append(t.literals, after+literal), ""
		}
		t.params = append(t.params, param{name: name})
		tag = tag || isTag
		rest = tail
	}
	if len(t.params) == 0 {
		return false, errors.New("has no parameter; give it one, such as {id}")
	}
	t.literals = append(t.literals, after+rest)
	return tag, nil
}

// allows says whether a parameter may follow the literal and the parameters so far.
func (t *template) allows(name, literal string, isTag bool) error {
	strange := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.", r)
	}
	switch {
	case name == "":
		return errors.New("a parameter has no name; write {name}")
	case strings.IndexFunc(name, strange) >= 0:
		return fmt.Errorf("{%s} is no name; use letters, digits and _ - . in it", name)
	case len(t.params) == 0:
		if strings.HasPrefix(literal, "%") && !own(literal) {
			return errors.New("begins with % and no lower-case letter after it, as an escaped part may; begin with another character")
		}
		return nil
	}
	for _, p := range t.params {
		if p.name == name {
			return fmt.Errorf("{%s} stands there twice; give the second another name", name)
		}
	}
	if !strings.Contains(literal, ":") && (literal != "" || !isTag) {
		return fmt.Errorf("nothing with a : between {%s} and {%s}, so keys could be read in two ways; put a : there",
			t.params[len(t.params)-1].name, name)
	}
	return nil
}

// underscored reports whether param i is one of the two that a trigger, a shared
// state or a table has in the Python package.
func (t *template) underscored(i int) bool {
	pair := func(i int) bool {
		if i < 0 || i+1 >= len(t.params) {
			return false
		}
		switch t.params[i].name + " " + t.params[i+1].name {
		case "action id", "state user", "table pk":
			return true
		}
		return false
	}
	return pair(i) || pair(i-1)
}

// render writes literals[from] to literals[to] and the parts between them.
func (t *template) render(parts []string, from, to int) (string, error) {
	size := len(t.literals[to])
	for i := from; i < to; i++ {
		p := &t.params[i]
		if fault := p.rule.fault(parts[i]); fault != "" {
			return "", p.invalid(t.source, parts[i], fault)
		}
		size += len(t.literals[i]) + p.rule.size(parts[i])
	}
	var b strings.Builder
	b.Grow(size)
	for i := from; i < to; i++ {
		b.WriteString(t.literals[i])
		t.params[i].rule.write(&b, parts[i])
	}
	b.WriteString(t.literals[to])
	text := b.String()
	if from == 0 && to > 0 && !t.open(text) {
		return "", t.params[0].invalid(t.source, parts[0], faultOwn)
	}
	return text, nil
}

// split is the inverse of render: rest begins where params[i] does. The first
// place of the next literal decides, except for a verbatim part before one that
// holds no ":"; before another verbatim part, that one can take what is too much.
func (t *template) split(parts []string, i int, rest string) (ok bool) {
	p, next := t.params[i], t.literals[i+1]
	if i == len(t.params)-1 {
		rest, ok = strings.CutSuffix(rest, next)
		if ok {
			parts[i], ok = p.rule.decode(rest)
		}
		return ok
	}
	again := p.rule&(underscore|noColon) == 0 && t.params[i+1].rule&underscore != 0
	for at := 1; at < len(rest); at++ {
		n := strings.Index(rest[at:], next)
		if n < 0 {
			return false
		}
		at += n
		if parts[i], ok = p.rule.decode(rest[:at]); ok && t.split(parts, i+1, rest[at+len(next):]) {
			return true
		}
		if !again {
			return false
		}
	}
	return false
}

// open reports whether a text of this template leaves the library's own keys alone.
func (t *template) open(text string) bool { return t.literals[0] != "" || !own(text) }
