package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// file is a Go file of the repository, whatever its build constraints.
type file struct {
	name string // relative to the root of the repository, with slashes
	pkg  string
	tree *ast.File
	set  *token.FileSet
}

func (f file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func (f file) imports() []string {
	paths := make([]string, len(f.tree.Imports))
	for i, spec := range f.tree.Imports {
		paths[i], _ = strconv.Unquote(spec.Path.Value) // the parser has checked it
	}
	return paths
}

// root returns the root folder of the module.
func root(t *testing.T) fs.FS {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(text), "module "+module+"\n")
	return os.DirFS(dir)
}

// goFiles returns all Go files that the go command reads.
func goFiles(t *testing.T, fsys fs.FS) []file {
	t.Helper()
	var files []file
	set := token.NewFileSet()
	require.NoError(t, fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		base := path.Base(name)
		hidden := name != "." && strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (hidden || base == "testdata" || base == "vendor"):
			return fs.SkipDir
		case entry.IsDir() || hidden || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file{name, tree.Name.Name, tree, set})
		return nil
	}))
	return files
}
