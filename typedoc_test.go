package symphony_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
)

// The comment of a repository links every method that it has, and no other.
// Otherwise go doc does not show the methods of an embedded type.
func TestTypesListTheirMethods(t *testing.T) {
	documented := documentedTypes(t)
	for _, typ := range []reflect.Type{
		reflect.TypeFor[*symphony.User[struct{}]](),
		reflect.TypeFor[*symphony.StateHandler[struct{}]](),
		reflect.TypeFor[*symphony.Table[struct{}]](),
		reflect.TypeFor[*symphony.SharedState](),
		reflect.TypeFor[*symphony.Trigger](),
		reflect.TypeFor[*symphony.Batch[struct{}]](),
		reflect.TypeFor[*symphony.Generic[struct{}]](),
		reflect.TypeFor[*symphony.Feed[struct{}]](),
		reflect.TypeFor[*symphony.Topic[struct{}]](),
		reflect.TypeFor[*symphony.Limiter](),
	} {
		name := genericName(typ.Elem())
		t.Run(name, func(t *testing.T) {
			declared := make(map[string]bool)
			for _, method := range documented[name].Methods {
				declared[method.Name] = true
			}
			embedded := ""
			if field := typ.Elem().Field(0); field.Anonymous {
				embedded = filepath.Base(field.Type.Elem().PkgPath()) + "." + genericName(field.Type.Elem())
			}
			var methods []string
			for method := range typ.Methods() {
				of := name
				if !declared[method.Name] {
					of = embedded
				}
				methods = append(methods, of+"."+method.Name)
			}
			var links []string
			for _, link := range docLink.FindAllStringSubmatch(documented[name].Doc, -1) {
				of := strings.TrimSuffix(link[1], path.Ext(link[1]))
				if (of == name || of == embedded) && !slices.Contains(links, link[1]) {
					links = append(links, link[1])
				}
			}
			require.NotEmpty(t, methods)
			require.ElementsMatch(t, methods, links, "list in the comment of %s exactly its methods", name)
		})
	}
}

var docLink = regexp.MustCompile(`\[([\w.]+)\]`)

// documentedTypes returns the types of package symphony by name.
func documentedTypes(t *testing.T) map[string]*doc.Type {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		file, err := parser.ParseFile(set, name, text, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(set, files, "github.com/symphony-go/symphony")
	require.NoError(t, err)
	types := make(map[string]*doc.Type, len(pkg.Types))
	for _, typ := range pkg.Types {
		types[typ.Name] = typ
	}
	return types
}

// genericName returns the name of a type without its type arguments.
func genericName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}
