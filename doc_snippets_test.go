package symphony_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every Go snippet of these documents type-checks. The snippets of a
// document are one package. The file testdata/snippets/<document>.go.txt
// declares the names that they use and do not declare.
func TestDocumentedSnippets(t *testing.T) {
	lookup := exportData(t)
	for doc, declarations := range map[string]string{
		"README.md": "readme", "docs/guide.md": "guide", "docs/indexes.md": "indexes", "docs/testing.md": "testing", "docs/feeds.md": "feeds",
	} {
		t.Run(declarations, func(t *testing.T) {
			fset := token.NewFileSet()
			files := []*ast.File{parsed(t, fset, "testdata/snippets/"+declarations+".go.txt", "")}
			for _, s := range snippets(t, doc) {
				files = append(files, parsed(t, fset, doc, s))
			}
			require.Greater(t, len(files), 4, "%s has 3 snippets or fewer", doc)
			conf := types.Config{
				Importer: importer.ForCompiler(fset, "gc", lookup),
				Error: func(err error) {
					// An unused variable or import is a soft error: an excerpt
					// may have some.
					if fault, ok := err.(types.Error); !ok || !fault.Soft {
						t.Error(err)
					}
				},
			}
			_, _ = conf.Check("main", fset, files, nil)
		})
	}
}

// snippets returns the Go snippets of a document, each as a file whose lines
// are those of the document.
func snippets(t *testing.T, doc string) []string {
	text, err := os.ReadFile(doc)
	require.NoError(t, err)
	var found []string
	for _, at := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatchIndex(text, -1) {
		code := string(text[at[2]:at[3]])
		line := fmt.Sprintf("//line %s:%d\n", filepath.Base(doc), 1+bytes.Count(text[:at[2]], []byte("\n")))
		if strings.HasPrefix(code, "package ") {
			found = append(found, line+code)
			continue
		}
		head := "package main\n" + imports(code)
		if source := head + line + code; parses(source) {
			found = append(found, source)
			continue
		}
		found = append(found, head+"func _() error {\n"+line+code+"\nreturn nil\n}\n")
	}
	return found
}

func parses(source string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	return err == nil
}

func parsed(t *testing.T, fset *token.FileSet, name, source string) *ast.File {
	var src any
	if source != "" {
		src = source
	}
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	require.NoError(t, err)
	return file
}

// knownPackages are the packages that a snippet may use without an import.
var knownPackages = []string{
	"context", "errors", "fmt", "log", "log/slog", "net/http", "slices", "testing", "time",
	"github.com/redis/rueidis",
	"github.com/symphony-go/symphony",
	"github.com/symphony-go/symphony/codec",
	"github.com/symphony-go/symphony/expiry",
	"github.com/symphony-go/symphony/hashrepo",
	"github.com/symphony-go/symphony/keyspace",
	"github.com/symphony-go/symphony/kvrepo",
	"github.com/symphony-go/symphony/listrepo",
	"github.com/symphony-go/symphony/pool",
	"github.com/symphony-go/symphony/pool/embedded",
	"github.com/symphony-go/symphony/scope",
}

// imports returns import declarations for the packages that the code uses.
func imports(code string) string {
	var lines strings.Builder
	for _, path := range knownPackages {
		name := path[strings.LastIndex(path, "/")+1:]
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
			fmt.Fprintf(&lines, "import %q\n", path)
		}
	}
	return lines.String()
}

// exportData returns a lookup of the export data of the known packages and
// their dependencies.
func exportData(t *testing.T) importer.Lookup {
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"}, knownPackages...)
	out, err := exec.Command("go", args...).Output() // #nosec G204
	require.NoError(t, err)
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
}
