package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Player struct {
	Score int64 `redis:"score"`
}

var playerScore = hashrepo.NumberOf(func(p *Player) *int64 { return &p.Score })

// Players is a repository with a method of its own. It embeds a HashRepo, so it
// is a Repository, and the handles accept it.
type Players struct{ *hashrepo.HashRepo[Player] }

func (p *Players) Win(ctx context.Context, id string) (int64, error) {
	return playerScore.Increment(ctx, p, id, 3)
}

// A repository of your own embeds a HashRepo and adds methods.
func ExampleRepository() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:player:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	repo, err := hashrepo.New[Player](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	players := &Players{repo}

	if _, err := players.Win(ctx, "p1"); err != nil {
		log.Fatal(err)
	}
	score, err := players.Win(ctx, "p1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(score)
	// Output: 6
}
