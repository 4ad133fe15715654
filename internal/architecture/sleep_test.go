package architecture

import (
	"go/ast"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// A test that sleeps for a fixed time is slow on a fast machine, and flaky on a
// slow one. It may sleep between two checks of a condition, and in synctest,
// where the time is simulated.
func TestNoTestSleeps(t *testing.T) {
	for _, f := range goFiles(t, root(t)) {
		for _, position := range sleeps(f) {
			t.Errorf("%s: a test must not sleep for a fixed time; "+
				"check a condition in a loop, for ; !done(); time.Sleep(d) { ... }, or use testing/synctest", position)
		}
	}
}

// sleeps returns the positions in a test file that call time.Sleep, except in
// the header of a loop and in an argument of synctest.Test.
func sleeps(f file) []string {
	if !f.isTest() {
		return nil
	}
	var positions []string
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
				positions = append(positions, f.set.Position(n.Pos()).String())
			}
		}
		return true
	})
	return positions
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
		positions  []string
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
			require.Equal(t, test.positions, sleeps(files[0]))
		})
	}
}
