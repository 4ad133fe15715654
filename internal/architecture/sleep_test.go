package architecture

import (
	"go/ast"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// A test that sleeps is slow where the time is more than enough, and fails now
// and then where it is not. It may sleep between two looks at what it waits
// for, and where time is not real.
func TestNoTestSleeps(t *testing.T) {
	for _, f := range goFiles(t, root(t)) {
		for _, place := range sleeps(f) {
			t.Errorf("%s: a test waits for what it needs, not for a while: "+
				"ask in a loop, for ...; time.Sleep(d) { ... }, or use testing/synctest", place)
		}
	}
}

// sleeps are the places where a test file calls time.Sleep, other than in the
// header of a loop and in a function for synctest.Test.
func sleeps(f file) []string {
	if !f.isTest() {
		return nil
	}
	var places []string
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt:
			if sleep, ok := n.Post.(*ast.ExprStmt); ok && isCall(sleep.X, "time", "Sleep") {
				n.Post = nil
			}
		case *ast.CallExpr:
			if isCall(n, "synctest", "Test") {
				return false
			}
			if isCall(n, "time", "Sleep") {
				places = append(places, f.set.Position(n.Pos()).String())
			}
		}
		return true
	})
	return places
}

func isCall(x ast.Expr, pkg, name string) bool {
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || function.Sel.Name != name {
		return false
	}
	from, ok := function.X.(*ast.Ident)
	return ok && from.Name == pkg
}

func TestSleeps(t *testing.T) {
	for _, test := range []struct {
		name, body string
		places     []string
	}{
		{"a_test.go", `time.Sleep(1)`, []string{"a_test.go:2:12"}},
		{"a_test.go", `go func() { for { time.Sleep(1) } }()`, []string{"a_test.go:2:30"}},
		{"a_test.go", `for ; !done(); time.Sleep(1) { time.Sleep(2) }`, []string{"a_test.go:2:43"}},
		{"a_test.go", `for ; !done(); time.Sleep(1) { look() }`, nil},
		{"a_test.go", `synctest.Test(t, func(t *testing.T) { time.Sleep(1) })`, nil},
		{"a_test.go", `time.Now()`, nil},
		{"a.go", `time.Sleep(1)`, nil},
	} {
		t.Run(test.body, func(t *testing.T) {
			source := "package a\nfunc f() { " + test.body + " }\n"
			files := goFiles(t, fstest.MapFS{test.name: {Data: []byte(source)}})
			require.Len(t, files, 1)
			require.Equal(t, test.places, sleeps(files[0]))
		})
	}
}
