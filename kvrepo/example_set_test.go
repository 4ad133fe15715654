package kvrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Theme struct {
	Colors map[string]string `json:"colors"`
	Fonts  []string          `json:"fonts"`
}

// Set writes the whole value. It can be of any type that the codec can encode.
func ExampleKVRepo_Set() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:theme:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	themes, err := kvrepo.New[Theme](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := themes.Set(ctx, "dark", Theme{Colors: map[string]string{"text": "white"}, Fonts: []string{"Inter"}}); err != nil {
		log.Fatal(err)
	}
	if err := themes.Set(ctx, "dark", Theme{Fonts: []string{"Arial"}}); err != nil {
		log.Fatal(err)
	}
	theme, err := themes.Get(ctx, "dark")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(theme.Colors), theme.Fonts)
	// Output: 0 [Arial]
}
