package architecture

import (
	"cmp"
	"flag"
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/texts.txt")

// testdata/texts.txt lists every text of the library that a person reads. A
// change of a text is a change of the list, so a reviewer reads it.
func TestTextsAreListed(t *testing.T) {
	var lines []string
	for _, text := range libraryTexts(t) {
		lines = append(lines, path.Dir(text.file)+": "+strings.ReplaceAll(text.value, "\n", `\n`))
	}
	slices.Sort(lines)
	got := strings.Join(slices.Compact(lines), "\n") + "\n"
	list := filepath.Join("testdata", "texts.txt")
	if *update {
		require.NoError(t, os.WriteFile(list, []byte(got), 0o600))
	}
	want, err := os.ReadFile(list)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "read the texts that changed, and run: go test ./internal/architecture -run TestTexts -update")
}

// Every text keeps the rules of mistakes.
func TestTextsAreWellFormed(t *testing.T) {
	names := exportedNames(goFiles(t, root(t)))
	for _, text := range libraryTexts(t) {
		if !slices.Contains(textsOfRedis, text.value) {
			for _, mistake := range text.mistakes(names) {
				if text.isOnPage() && slices.Contains([]string{"do not begin with a capital", "do not end with a dot"}, mistake) {
					continue
				}
				t.Errorf("%v: %q: %s", text.position, text.value, mistake)
			}
		}
	}
}

// textsOfRedis are texts that Redis sends. Some are matched, and the embedded
// server sends others.
var textsOfRedis = []string{
	"DB index is out of range",
	"Only 0th database is supported",
	"Lua redis lib command arguments must be strings or integers",
	"Please specify at least one argument for this redis lib call",
	"The user executing the script can't ",
}

// text is a string that a person reads: an error, a part of one, or a line of a
// log.
type text struct {
	file     string
	position token.Position
	value    string     // constants are joined, and {name} stands for another operand
	args     []ast.Expr // the arguments of fmt.Errorf
}

// isOnPage reports whether the text is a heading or a sentence of a page of the
// inspector, and not an error.
func (t text) isOnPage() bool {
	return path.Dir(t.file) == "cmd/symphony/inspect" && t.args == nil
}

func libraryTexts(t *testing.T) []text {
	t.Helper()
	var texts []text
	for _, f := range goFiles(t, root(t)) {
		folder, _, _ := strings.Cut(f.name, "/")
		if !slices.Contains([]string{"bench", "examples", "tools"}, folder) && !strings.HasSuffix(path.Dir(f.name), "test") {
			texts = append(texts, textsOf(f)...)
		}
	}
	return texts
}

// textsOf returns the strings of errors.New and fmt.Errorf in f, and all other
// strings of two words or more. So the texts of helpers, of constants and of
// log lines are found too.
func textsOf(f file) []text {
	if f.isTest() {
		return nil
	}
	var texts []text
	args := make(map[ast.Node][]ast.Expr) // of errors.New and fmt.Errorf, by the first argument
	tags := make(map[ast.Node]bool)
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				tags[n.Tag] = true
			}
		case *ast.CallExpr:
			if isCall(n, "errors", "New") || isCall(n, "fmt", "Errorf") {
				args[n.Args[0]] = n.Args
			}
		case *ast.BinaryExpr, *ast.BasicLit:
			value, ok := joined(n.(ast.Expr))
			if !ok {
				return true
			}
			if args[n] != nil && value != "%w: %w" || !tags[n] && twoWords.MatchString(value) {
				texts = append(texts, text{f.name, f.set.Position(n.Pos()), value, args[n]})
			}
			return false
		}
		return true
	})
	return texts
}

var twoWords = regexp.MustCompile(`[a-zA-Z}"%\])][,:;)]? +[(]?[a-z{%"]`)

// joined returns the text of a string, or of a sum with one.
func joined(x ast.Expr) (string, bool) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return joined(x.X)
	case *ast.BasicLit:
		value, err := strconv.Unquote(x.Value)
		return value, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		left, leftOK := joined(x.X)
		right, rightOK := joined(x.Y)
		return cmp.Or(left, "{"+nameOf(x.X)+"}") + cmp.Or(right, "{"+nameOf(x.Y)+"}"), x.Op == token.ADD && (leftOK || rightOK)
	}
	return "", false
}

// nameOf returns the last name of an operand.
func nameOf(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.CallExpr:
		return nameOf(x.Fun)
	}
	return "..."
}

// mistakes returns what is wrong with a text. names are the words that may
// begin a text with a capital.
func (t text) mistakes(names map[string]bool) []string {
	var all []string
	add := func(mistake string, found bool) {
		if found {
			all = append(all, mistake)
		}
	}
	for _, m := range article.FindAllStringSubmatch(t.value, -1) {
		an, certain := soundsLikeVowel(m[2])
		switch {
		case !certain:
			add("an article before "+m[2]+" may be wrong: put another word between", true)
		case an:
			add("write an before "+m[2], m[1] == "a")
		default:
			add("write a before "+m[2], m[1] == "an")
		}
	}
	if first := firstWord.FindStringSubmatch(t.value); len(first) > 1 {
		add("do not begin with a capital", !names[first[1]])
	}
	add("do not end with a dot", strings.HasSuffix(t.value, ".") && !strings.HasSuffix(t.value, ".."))
	add("write one space", strings.Contains(strings.Trim(t.value, " "), "  "))
	for word, better := range glossary {
		add("write "+better+" in place of "+word, regexp.MustCompile(`(?i)\b`+word+`\b`).MatchString(t.value))
	}
	add("wrap an error with %w, not with %v or %s", t.hidesError())
	return all
}

var (
	article   = regexp.MustCompile(`\b(an?) (%[a-z#+.0-9]*[a-zA-Z]|\w+)`)
	firstWord = regexp.MustCompile(`^(?:%w: |\w+: )*([A-Z][a-z]+) `)
)

// soundsLikeVowel reports whether a word begins with a vowel sound. It is not
// certain of a verb such as %s.
func soundsLikeVowel(word string) (vowel, certain bool) {
	first := rune(word[0])
	switch {
	case first == '%':
		return false, false
	case consonantSound.MatchString(word):
		return false, true
	case vowelSound.MatchString(word):
		return true, true
	}
	return strings.ContainsRune("aeiou", unicode.ToLower(first)), true
}

var (
	consonantSound = regexp.MustCompile(`^(uint|uni|us|URL|UUID|UTF|one\b|once\b|eu)`)
	vowelSound     = regexp.MustCompile(`^(hour|honest|HTTP|HSET|LRU|MGET|NX|RFC|SQL|SSL|XX)`)
)

// glossary are words that a text does not use, and the words to use instead.
var glossary = map[string]string{
	"failed to":         "cannot",
	"unable to":         "cannot",
	"couldn't":          "cannot",
	"please":            "nothing",
	"successfully":      "nothing",
	"gives":             "returns",
	"tells":             "reports",
	"parked|buried":     "dead letter",
	"lapsed?":           "expired",
	"prolong(s|ed)?":    "renew",
	"heartbeats?":       "renewal",
	"re-?queued?":       "redelivered",
	"optimistic locks?": "optimistic concurrency",
}

// hidesError reports whether fmt.Errorf formats an error with another verb than
// %w. It recognizes an error by the name of its variable.
func (t text) hidesError() bool {
	if len(t.args) == 0 || strings.Contains(t.value, "%[") {
		return false
	}
	for i, verb := range verbs.FindAllString(strings.ReplaceAll(t.value, "%%", ""), -1) {
		if i+1 < len(t.args) && (verb == "%v" || verb == "%s") && errorName.MatchString(nameOf(t.args[i+1])) {
			return true
		}
	}
	return false
}

var (
	verbs     = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)
	errorName = regexp.MustCompile(`^(err|e|cause|failed|[a-zA-Z]*Err)$`)
)

// exportedNames returns the exported names that files declare.
func exportedNames(files []file) map[string]bool {
	names := make(map[string]bool)
	for _, f := range files {
		ast.Inspect(f.tree, func(n ast.Node) bool {
			var declared []*ast.Ident
			switch n := n.(type) {
			case *ast.FuncDecl:
				declared = []*ast.Ident{n.Name}
			case *ast.TypeSpec:
				declared = []*ast.Ident{n.Name}
			case *ast.ValueSpec:
				declared = n.Names
			case *ast.Field:
				declared = n.Names
			}
			for _, name := range declared {
				if name.IsExported() {
					names[name.Name] = true
				}
			}
			return true
		})
	}
	return names
}

func TestMistakesOfTexts(t *testing.T) {
	for _, test := range []struct {
		body     string
		mistakes []string
	}{
		{`errors.New("cannot decode")`, nil},
		{`errors.New("a int64")`, []string{"write an before int64"}},
		{`errors.New("an user, an URL and a index")`, []string{"write a before user", "write a before URL", "write an before index"}},
		{`errors.New("a user, a uint8, an int64, an HTTP handler")`, nil},
		{`fmt.Errorf("is not a %s", t)`, []string{"an article before %s may be wrong: put another word between"}},
		{`errors.New("Unknown pool")`, []string{"do not begin with a capital"}},
		{`errors.New("Use is nil")`, nil},
		{`errors.New("EXEC is nil")`, nil},
		{`fmt.Errorf("%w: The value", err)`, []string{"do not begin with a capital"}},
		{`errors.New("no value.")`, []string{"do not end with a dot"}},
		{`errors.New("two  spaces")`, []string{"write one space"}},
		{`errors.New("failed to read")`, []string{"write cannot in place of failed to"}},
		{`fmt.Errorf("%d of %v", n, err)`, []string{"wrap an error with %w, not with %v or %s"}},
		{`fmt.Errorf("%v of %w", n, err)`, nil},
		{`add("Timeout", "it is " + word + ".")`, []string{"do not end with a dot"}},
		{`f(ConfigError{Reason: "a index"})`, []string{"write an before index"}},
		{`use("word", "PX")`, nil},
	} {
		t.Run(test.body, func(t *testing.T) {
			source := "package a\n\nfunc Use() { " + test.body + " }\n"
			files := goFiles(t, fstest.MapFS{"a.go": {Data: []byte(source)}})
			var mistakes []string
			for _, text := range textsOf(files[0]) {
				mistakes = append(mistakes, text.mistakes(exportedNames(files))...)
			}
			require.Equal(t, test.mistakes, mistakes)
		})
	}
}
