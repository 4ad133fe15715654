package symphony_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// The whole programs in the documents compile.
func TestDocumentedPrograms(t *testing.T) {
	pooltest.Long(t)
	for _, doc := range []string{"README.md", "docs/indexes.md", "docs/python.md"} {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		program := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindSubmatch(text)
		require.NotNil(t, program, "%s has no whole program", doc)
		file := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(file, program[1], 0o600))
		out, err := exec.Command("go", "vet", file).CombinedOutput()
		require.NoError(t, err, "%s: %s", doc, out)
	}
}
