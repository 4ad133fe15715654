package codec_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Zipped is a codec that compresses the bytes of MsgPack.
type Zipped struct{}

func (Zipped) Name() string { return "zipped" }

func (Zipped) Marshal(v any) ([]byte, error) {
	data, err := codec.MsgPack.Marshal(v)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return buffer.Bytes(), err
}

func (Zipped) Unmarshal(data []byte, v any) error {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return codec.MsgPack.Unmarshal(plain, v)
}

// A repository encodes and decodes its values with the codec that it is given.
func ExampleCodec_repository() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	pages, err := symphony.NewGeneric[string](pools, "acme", symphony.Codec(Zipped{}))
	if err != nil {
		log.Fatal(err)
	}

	if err := pages.Set(ctx, "home", strings.Repeat("hello ", 1000)); err != nil {
		log.Fatal(err)
	}
	client, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}
	stored, err := client.Do(ctx, client.B().Strlen().Key("acme:home").Build()).AsInt64()
	if err != nil {
		log.Fatal(err)
	}
	page, err := pages.Get(ctx, "home")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page), stored < 200)
	// Output: 6000 true
}
