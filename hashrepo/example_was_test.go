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

type Recording struct {
	Title string `redis:"title,was=name"` // was stored as name
	Plays int64  `redis:"plays,was=count"`
}

// The tag option was renames a field. Records that have the old name are read
// as before, and Mutate moves their fields to the new names.
func Example_was() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:song:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	songs, err := hashrepo.New[Recording](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	redis, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}

	// This is how the service stored the song before.
	old := redis.B().Hset().Key("acme:song:s1").FieldValue().FieldValue("name", "Ode").FieldValue("count", "7")
	if err := redis.Do(ctx, old.Build()).Error(); err != nil {
		log.Fatal(err)
	}
	song, err := songs.Mutate(ctx, "s1", func(*Recording) error { return nil })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(song.Title, song.Plays)

	fields, err := redis.Do(ctx, redis.B().Hgetall().Key("acme:song:s1").Build()).AsStrMap()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fields)
	// Output:
	// Ode 7
	// map[plays:7 title:Ode]
}
