package keyspace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Compile compiles a template such as "{tenant}:user:{id}". The package comment
// describes templates and the escaping of parts. If the template is not valid,
// Compile returns an error.
func Compile(source string) (Pattern, error) { return compile(source, 0) }

// MustCompile is like [Compile] but panics if the template is not valid. It is
// for templates that are constants.
func MustCompile(source string) Pattern { return must(Compile(source)) }

// PythonOption changes which parts [Python] and [CompilePython] accept.
type PythonOption uint8

// AllowAmbiguous accepts every part that the Python package accepts, even if
// different parts then make the same key. Without it, methods return
// [ErrInvalidKey] for a ":" in such a part.
const AllowAmbiguous PythonOption = 1

// CompilePython is like [Compile] but writes parts as the Python package does.
// It is for services that use another key prefix: if a Python service stores
// its triggers under "X", the template is "{tenant}:X:{action}:{id}".
//
// The names of the parameters matter. If {action} is followed by {id}, {state}
// by {user}, or {table} by {pk}, a ":" in these two becomes "_", as in the
// triggers, shared states and tables of that package. Without [AllowAmbiguous],
// a ":" in these two is refused. Other parts are written verbatim. See [Python]
// for the parts that are refused.
//
// If the template is not valid, CompilePython returns an error.
func CompilePython(source string, opts ...PythonOption) (Pattern, error) {
	return compile(source, pythonDialect(opts))
}

func pythonDialect(opts []PythonOption) dialect {
	if slices.Contains(opts, AllowAmbiguous) {
		return python | ambiguous
	}
	return python
}

// template is a compiled template. literals[i] precedes params[i], and one more
// literal follows the last parameter. The literals include the braces of the
// hash tag.
type template struct {
	source   string
	hashTag  string // name of the parameter that is the hash tag, or ""
	literals []string
	params   []param
	tenant   int // index of the parameter of this name, or -1
	python   bool
}

type param struct {
	name string
	rule rule
}

type dialect uint8

const (
	python    dialect = 1 << iota // the Python package's escaping
	braceless                     // no part contains braces, even without a hash tag
	ambiguous                     // with python: different parts may make the same key
)

func must(p Pattern, err error) Pattern {
	if err != nil {
		panic(err)
	}
	return p
}

func compile(source string, d dialect) (Pattern, error) {
	t := &template{source: source, tenant: -1, python: d&python != 0}
	if err := t.scan(); err != nil {
		return Pattern{}, fmt.Errorf("keyspace: template %q: %w", source, err)
	}
	for i := range t.params {
		if t.params[i].name == "tenant" {
			t.tenant = i
		}
		t.params[i].rule = t.ruleOf(i, d)
		if t.hashTag != "" || d&braceless != 0 {
			t.params[i].rule |= noBraces
		}
	}
	return Pattern{t}, nil
}

// ruleOf returns the rule of params[i], which keeps it apart from its
// neighbours. If the template begins with a parameter, the last part needs no
// rule.
func (t *template) ruleOf(i int, d dialect) (r rule) {
	last := i == len(t.params)-1 && t.source[0] == '{'
	switch {
	case t.python && t.isUnderscored(i):
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

// scan fills literals, params and hashTag from source.
func (t *template) scan() error {
	if strings.Contains(t.source, "\x00") {
		return errors.New("contains a NUL byte; remove it")
	}
	rest, after := t.source, ""
	for {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			break
		}
		literal := rest[:at]
		if rest[at] == '}' {
			return fmt.Errorf("the } after %q has no {; write a parameter as {name}", literal)
		}
		opening, closing := "{", "}"
		if strings.HasPrefix(rest[at:], "{{") {
			opening, closing = "{{", "}}"
		}
		name, tail, closed := strings.Cut(rest[at+len(opening):], closing)
		if !closed {
			return fmt.Errorf("%q is not closed; write {name}, or {{name}} for the hash tag", rest[at:])
		}
		isTag := opening == "{{"
		if err := t.checkParam(name, literal, isTag); err != nil {
			return err
		}
		switch {
		case isTag && t.hashTag != "":
			return fmt.Errorf("{{%s}} is a second hash tag, and Redis uses only the first; write {%s}", name, name)
		case isTag:
			t.hashTag = name
			t.literals, after = append(t.literals, after+literal+"{"), "}"
		default:
			t.literals, after = append(t.literals, after+literal), ""
		}
		t.params = append(t.params, param{name: name})
		rest = tail
	}
	if len(t.params) == 0 {
		return errors.New("has no parameter; add one, such as {id}")
	}
	t.literals = append(t.literals, after+rest)
	return nil
}

// checkParam returns an error if a parameter of this name may not follow the
// literal and the parameters so far.
func (t *template) checkParam(name, literal string, isTag bool) error {
	notInName := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.", r)
	}
	switch {
	case name == "":
		return errors.New("a parameter has no name; write {name}")
	case strings.IndexFunc(name, notInName) >= 0:
		return fmt.Errorf("{%s} is not a valid name; use letters, digits and _ - . in it", name)
	case len(t.params) == 0:
		if strings.HasPrefix(literal, "%") && !isReserved(literal) {
			return errors.New("begins with a % that no lower-case letter follows, as an escaped part can; begin it with another character")
		}
		return nil
	}
	for _, p := range t.params {
		if p.name == name {
			return fmt.Errorf("{%s} appears twice; rename one of the two", name)
		}
	}
	if !strings.Contains(literal, ":") && (literal != "" || !isTag) {
		return fmt.Errorf("there is no : between {%s} and {%s}, so a key could be read in two ways; put a : there",
			t.params[len(t.params)-1].name, name)
	}
	return nil
}

// isUnderscored reports whether params[i] belongs to a pair in which the Python
// package writes ":" as "_".
func (t *template) isUnderscored(i int) bool {
	startsPair := func(i int) bool {
		if i < 0 || i+1 >= len(t.params) {
			return false
		}
		switch t.params[i].name + " " + t.params[i+1].name {
		case "action id", "state user", "table pk":
			return true
		}
		return false
	}
	return startsPair(i) || startsPair(i-1)
}

// render returns literals[from] to literals[to] with the parts between them.
func (t *template) render(parts []string, from, to int) (string, error) {
	size := len(t.literals[to])
	for i := from; i < to; i++ {
		p := &t.params[i]
		if err := p.check(t.source, parts[i]); err != nil {
			return "", err
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
	if from == 0 && to > 0 && !t.avoidsReserved(text) {
		return "", t.params[0].invalid(t.source, parts[0], faultReserved)
	}
	return text, nil
}

// span returns the place of part i in what render returns from literals[from]
// on.
func (t *template) span(parts []string, from, i int) span {
	start := len(t.literals[from])
	for j := from; j < i; j++ {
		start += t.params[j].rule.size(parts[j]) + len(t.literals[j+1])
	}
	return span{start: start, end: start + t.params[i].rule.size(parts[i]), rule: t.params[i].rule}
}

// split is the inverse of render: it fills parts from i on, and text begins
// with params[i].
//
// A part usually ends at the first occurrence of the next literal. If the part
// is verbatim and the next one may not contain a ":", later occurrences are
// tried too. If both are verbatim, the next part takes the surplus.
func (t *template) split(parts []string, i int, text string) (ok bool) {
	p, next := t.params[i], t.literals[i+1]
	if i == len(t.params)-1 {
		text, ok = strings.CutSuffix(text, next)
		if ok {
			parts[i], ok = p.rule.decode(text)
		}
		return ok
	}
	triesLater := p.rule&(underscore|noColon) == 0 && t.params[i+1].rule&underscore != 0
	for at := 1; at < len(text); at++ {
		n := strings.Index(text[at:], next)
		if n < 0 {
			return false
		}
		at += n
		if parts[i], ok = p.rule.decode(text[:at]); ok && t.split(parts, i+1, text[at+len(next):]) {
			return true
		}
		if !triesLater {
			return false
		}
	}
	return false
}

// avoidsReserved reports whether a key of this template is not a reserved key
// by accident: the template begins with a literal, or the key is not reserved.
func (t *template) avoidsReserved(key string) bool {
	return t.literals[0] != "" || !isReserved(key)
}
