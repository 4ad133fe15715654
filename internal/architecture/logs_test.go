package architecture

import (
	"go/ast"
	"go/token"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// logs are the methods of a logger, and the functions of this module that pass
// a message on to one.
var logs = []string{
	"Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext",
	"reportLeaseLost",
}

// docs/operations.md has each message of the log, and no others.
func TestMessagesOfTheLogAreDocumented(t *testing.T) {
	text, err := fs.ReadFile(root(t), "docs/operations.md")
	require.NoError(t, err)
	var documented []string
	for line := range strings.Lines(string(text)) {
		if cell, ok := strings.CutPrefix(line, "| `"); ok {
			message, _, _ := strings.Cut(cell, "` |")
			documented = append(documented, message)
		}
	}
	var logged []string
	for _, f := range goFiles(t, root(t)) {
		if f.isTest() || strings.HasPrefix(f.name, "bench/") || strings.HasPrefix(f.name, "examples/") || strings.HasPrefix(f.name, "internal/pythontest") {
			continue
		}
		logged = append(logged, messages(f)...)
	}
	require.Greater(t, len(logged), 15, "the messages were not found")
	require.ElementsMatch(t, documented, logged)
}

// messages returns the messages that a file logs. They begin with the name of
// the package.
func messages(f file) (all []string) {
	ast.Inspect(f.tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains(logs, method.Sel.Name) {
			return true
		}
		for _, arg := range call.Args[:min(2, len(call.Args))] {
			literal, ok := arg.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				continue
			}
			if message, err := strconv.Unquote(literal.Value); err == nil && strings.HasPrefix(message, f.pkg+": ") {
				all = append(all, message)
			}
		}
		return true
	})
	return all
}
