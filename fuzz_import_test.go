package symphony_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Whatever the text is, a dry run of Import returns, and writes nothing.
func FuzzImport(f *testing.F) {
	valid := exportOf(
		`{"kind":"generic","pool":"default","parts":["<k>"],"type":"string","values":["<v>"]}`,
		`{"kind":"user","pool":"user","parts":["<1>"],"type":"hash","values":["<name>","<Ann>"],"expires":9999999999999}`,
		`{"kind":"feed","pool":"pubsub","parts":["<answers>","<a1>"],"type":"stream","values":["<1700000000000-1000000000000000001>","<v>","<1>"]}`,
	)
	for _, seed := range []string{
		"", "\n", "{}", valid, valid[:len(valid)/2], strings.ReplaceAll(valid, `"symphony":1`, `"symphony":2`), strings.ReplaceAll(valid, "9999999999999", "-1"),
		strings.ReplaceAll(valid, `"lines":3`, `"lines":1e9`), strings.ReplaceAll(valid, `"string"`, `"module"`),
		`{"symphony":1,"tenant":"YQ=="}` + "\n" + strings.Repeat("[", 10_000), `{"symphony":1,"tenant":"AA=="}`, `{"symphony":1,"tenant":"YQ=="}` + "\n" + `{"kind":"queue"}`,
	} {
		f.Add(seed)
	}
	p, err := embedded.Open(f.Context(), pool.Config{})
	require.NoError(f, err)
	f.Cleanup(p.Close)
	f.Fuzz(func(t *testing.T, text string) {
		err := symphony.Import(t.Context(), p, strings.NewReader(text), symphony.DryRun())
		if err != nil {
			require.NotErrorIs(t, err, symphony.ErrUnexpectedReply)
			require.Less(t, len(err.Error()), 4*len(text)+1000)
		}
		for _, a := range p.Aliases() {
			require.Empty(t, pooltest.Keys(t, p, a))
		}
	})
}
