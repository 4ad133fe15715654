package architecture

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var updateTexts = flag.Bool("update", false, "write testdata/texts.txt")

// text is a string of the library that a person reads: an error, a part of an
// error, or a line of a log.
type text struct {
	file  string
	pos   token.Position
	value string // constants are joined, and {name} stands for another operand
}

// proseTexts returns the texts in f: the strings of errors.New and fmt.Errorf,
// and all other strings of two words or more. So the text of a helper, of a
// Reason and of a log line is found too.
func proseTexts(f file) []text {
	if f.isTest() {
		return nil
	}
	var texts []text
	always := make(map[ast.Expr]bool)
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			n.Tag = nil
		case *ast.CallExpr:
			if isCall(n, "errors", "New") || isCall(n, "fmt", "Errorf") {
				always[n.Args[0]] = true
			}
		case *ast.BinaryExpr, *ast.BasicLit:
			x := n.(ast.Expr)
			value, ok := joined(x)
			if !ok {
				return true
			}
			if always[x] && value != "%w: %w" || twoWords.MatchString(value) {
				texts = append(texts, text{f.name, f.set.Position(x.Pos()), value})
			}
			return false
		}
		return true
	})
	return texts
}

var twoWords = regexp.MustCompile(`[a-z}"%][,:;)]? +[(]?[a-z{%"]`)

// joined returns the text of a string literal, or of a sum with one.
func joined(x ast.Expr) (string, bool) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return joined(x.X)
	case *ast.BasicLit:
		value, err := strconv.Unquote(x.Value)
		return value, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			return "", false
		}
		left, leftOK := joined(x.X)
		right, rightOK := joined(x.Y)
		return cmp.Or(left, "{"+name(x.X)+"}") + cmp.Or(right, "{"+name(x.Y)+"}"), leftOK || rightOK
	}
	return "", false
}

// name returns a word for an operand that is not constant.
func name(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return name(x.X) + "." + x.Sel.Name
	case *ast.CallExpr:
		return name(x.Fun)
	}
	return "..."
}
var _ = fmt.Sprint
var _ = os.ReadFile
var _ = path.Base
var _ = slices.Max[[]int]
var _ = strings.Cut
var _ fstest.MapFS

func TestTexts(t *testing.T) {
	var b strings.Builder
	for _, f := range goFiles(t, root(t)) {
		if !isLibrary(f) { continue }
		for _, text := range proseTexts(f) {
			fmt.Fprintf(&b, "%s: %s\n", f.name, strings.ReplaceAll(text.value, "\n", "\\n"))
		}
	}
	require.NoError(t, os.WriteFile("/tmp/texts.txt", []byte(b.String()), 0o644))
}

func isLibrary(f file) bool {
	top, _, _ := strings.Cut(f.name, "/")
	return !slices.Contains([]string{"bench", "examples", "tools"}, top) && !strings.HasSuffix(path.Dir(f.name), "test")
}
