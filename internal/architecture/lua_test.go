package architecture

import (
	"io/fs"
	"path"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// misread are the statements that the Lua of the embedded server, gopher-lua
// 1.1.1, runs wrongly: after local x, the statement x = not a and b sets x to
// true if a is true. It runs the same with local x = not a and b, and with if.
var misread = regexp.MustCompile(`(?m)^[ \t]*[A-Za-z_]\w*[ \t]*=[ \t]*not\b[^\n]*\band\b`)

func TestScriptsRunOnTheEmbeddedServer(t *testing.T) {
	files := root(t)
	found := 0
	require.NoError(t, fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".lua" {
			return err
		}
		found++
		source, err := fs.ReadFile(files, name)
		for _, statement := range misread.FindAll(source, -1) {
			t.Errorf("%s: %s: the embedded server would run this wrongly; write local before it, or use if", name, statement)
		}
		return err
	}))
	require.Greater(t, found, 20)
}

func TestMisread(t *testing.T) {
	require.Regexp(t, misread, "local x\nx = not a and b")
	require.Regexp(t, misread, "  x = not f(a) and f(b) or c")
	for _, right := range []string{"local x = not a and b", "x = a and not b", "x = not a", "x = y or not a and b", "return not a and b"} {
		require.NotRegexp(t, misread, right)
	}
}
