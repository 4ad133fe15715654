package hashrepo_test

import (
	"context"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// A range that ends before it begins holds for no record, even if it ends at
// the empty text.
func TestRangeThatEndsBeforeItBegins(t *testing.T) {
	repo, _ := newRepo[Profile](t, pooltest.Redis(t, pool.Config{}))
	require.NoError(t, repo.Upsert(ctx, "u1", Profile{Name: "Bern"}))
	name := hashrepo.TextOf(func(p *Profile) *string { return &p.Name })
	for _, c := range []hashrepo.Cond[Profile]{name.Between("A", ""), name.Between("", ""), name.Between("C", "B")} {
		_, err := repo.FindOne(ctx, c)
		require.ErrorIs(t, err, hashrepo.ErrNotFound)
	}
}

// A record that has no field when it is found, and gets one before it is read
// again, is yielded only if it matches then.
func TestFindChecksARecordAgain(t *testing.T) {
	type labeled struct {
		Label string `redis:"label,omitzero"`
	}
	other := &writeBeforeExists{}
	repo, prefix := newRepo[labeled](t, pooltest.Redis(t, pool.Config{NewClient: other.newClient}))
	require.NoError(t, repo.Upsert(ctx, "u1", labeled{}))
	other.key = prefix + "u1"
	_, err := repo.FindOne(ctx, hashrepo.At[labeled]("label").Eq(""))
	require.ErrorIs(t, err, hashrepo.ErrNotFound)
	v, err := repo.Get(ctx, "u1")
	require.NoError(t, err)
	require.Equal(t, "new", v.Label)
}

// writeBeforeExists is another program that sets the field label of a record
// before each EXISTS.
type writeBeforeExists struct{ key string }

func (w *writeBeforeExists) newClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	c, err := rueidis.NewClient(opt)
	return writingClient{c, w}, err
}

type writingClient struct {
	rueidis.Client
	other *writeBeforeExists
}

func (c writingClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if cmd.Commands()[0] == "EXISTS" {
		if err := c.Client.Do(ctx, c.B().Hset().Key(c.other.key).FieldValue().FieldValue("label", "new").Build()).Error(); err != nil {
			panic(err)
		}
	}
	return c.Client.Do(ctx, cmd)
}
