package hashrepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
)

// The error of an unknown field suggests the field that was meant, in every
// call that takes a name, before anything is sent.
func TestUnknownFieldSuggestsTheNearest(t *testing.T) {
	type Contact struct {
		Email string   `redis:"email"`
		Phone string   `redis:"phone"`
		First string   `redis:"first_name"`
		Age   int      `redis:"age"`
		X     int      `redis:"x"`
		Tags  []string `redis:"tags"`
	}
	p := pooltest.Embedded(t)
	repo, _ := newRepo[Contact](t, p)
	for name, want := range map[string]string{
		"emial": "email", "e-mail": "email", "Email": "email", "mail": "email", "phon": "phone", "first": "first_name", "phone_number": "phone",
		"aeg": "age", "tagg": "tags", "tag": "tags",
		"y": "", "zz": "", "": "", "address": "", "fax": "",
	} {
		call := func() error { return repo.UpdateField(ctx, "c", name, "v") }
		pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, call)
		if want == "" {
			require.NotContains(t, call().Error(), "did you mean", name)
			continue
		}
		require.ErrorContains(t, call(), "; did you mean \""+want+"\"?", name)
	}

	typo := hashrepo.At[Contact]("emial")
	for name, call := range map[string]func() error{
		"GetField":       func() error { var s string; return repo.GetField(ctx, "c", "emial", &s) },
		"DeleteField":    func() error { _, err := repo.DeleteField(ctx, "c", "emial"); return err },
		"IncrementField": func() error { _, err := repo.IncrementField(ctx, "c", "emial", 1); return err },
		"AppendToList":   func() error { return repo.AppendToList(ctx, "c", "emial", "v") },
		"FindByField":    func() error { _, err := repo.FindByField(ctx, "emial", "v"); return err },
		"Count":          func() error { _, err := repo.Count(ctx, typo.Eq("v")); return err },
		"Page": func() error {
			_, err := repo.Page(ctx, hashrepo.Query[Contact]{Order: typo.Asc(), Limit: 1})
			return err
		},
		"Merge": func() error { _, err := repo.Merge(ctx, "c", typo.Set("v")); return err },
	} {
		pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, call)
		require.ErrorContains(t, call(), "; did you mean \"email\"?", name)
	}
}
