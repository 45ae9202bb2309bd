// A server and a client of gRPC by grpc-go, for test_grpc_go.py: `serve`, or `call PORT`. Messages are plain bytes.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const patience = 5 * time.Second

// raw passes messages on as they are, so that no code has to be made for them.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte{}, data...); return nil }
func (raw) Name() string                       { return "proto" }

func init() { encoding.RegisterCodec(raw{}) }

// answer echoes every message. Metadata: `x-fail` is a status to end with, `x-wait`: wait for the end of the call.
func answer(_ any, stream grpc.ServerStream) error {
	asked, _ := metadata.FromIncomingContext(stream.Context())
	if code := asked.Get("x-fail"); len(code) > 0 {
		var found codes.Code
		if err := found.UnmarshalJSON([]byte(`"` + code[0] + `"`)); err != nil {
			return err
		}
		return status.Error(found, "as asked")
	}
	if len(asked.Get("x-wait")) > 0 {
		deadline, _ := stream.Context().Deadline()
		left := time.Until(deadline)
		<-stream.Context().Done()
		fmt.Printf("ended: %v with less than %v left\n", stream.Context().Err(), left.Round(100*time.Millisecond))
		return stream.Context().Err()
	}
	stream.SetTrailer(metadata.Pairs("x-bin", string(asked.Get("x-bin")[0])))
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := grpc.NewServer(grpc.UnknownServiceHandler(answer), grpc.MaxRecvMsgSize(1<<30))
	return server.Serve(listener)
}

// call makes calls of all kinds and prints what came of each, in a line.
func call(port string) error {
	channel, err := grpc.Dial("127.0.0.1:"+port, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		return err
	}
	defer channel.Close()
	for _, size := range []int{0, 1, 5_000_000} {
		sent, got, trailer := []byte(strings.Repeat("x", size)), []byte{}, metadata.MD{}
		ctx, stop := with("x-bin", "\x00\xff\x01")
		err := channel.Invoke(ctx, "/test.Echo/Unary", &sent, &got, grpc.Trailer(&trailer))
		fmt.Printf("unary %d: %v %d %x\n", size, status.Code(err), len(got), strings.Join(trailer.Get("x-bin"), " "))
		stop()
	}
	chat(channel)
	for _, wanted := range []string{"NOT_FOUND", "DATA_LOSS"} {
		ctx, stop := with("x-fail", wanted)
		err := channel.Invoke(ctx, "/test.Echo/Unary", &[]byte{}, &[]byte{})
		fmt.Printf("fail: %v %s\n", status.Code(err), status.Convert(err).Message())
		stop()
	}
	ctx, stop := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "x-wait", "1"), 300*time.Millisecond)
	defer stop()
	err = channel.Invoke(ctx, "/test.Echo/Unary", &[]byte{}, &[]byte{})
	fmt.Printf("late: %v\n", status.Code(err))
	return nil
}

// chat sends a message, waits for its answer, and so on; then it cancels a call in the middle.
func chat(channel *grpc.ClientConn) {
	ctx, stop := with("x-bin", "a")
	defer stop()
	shape := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := channel.NewStream(ctx, shape, "/test.Echo/Chat")
	count := 0
	for ; err == nil && count < 100; count++ {
		message := []byte(fmt.Sprint(count))
		if err = stream.SendMsg(&message); err == nil {
			err = stream.RecvMsg(&message)
		}
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err == nil {
		err = stream.RecvMsg(&[]byte{})
	}
	fmt.Printf("chat: %d %v\n", count, err)

	ctx, cancel := with("x-bin", "a")
	stream, err = channel.NewStream(ctx, shape, "/test.Echo/Chat")
	if err == nil {
		_ = stream.SendMsg(&[]byte{})
		_ = stream.RecvMsg(&[]byte{})
	}
	cancel()
	fmt.Printf("cancelled: %v\n", status.Code(stream.RecvMsg(&[]byte{})))
}

func with(name, value string) (context.Context, context.CancelFunc) {
	return context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), name, value), patience)
}

func main() {
	var err error
	if os.Args[1] == "serve" {
		err = serve()
	} else {
		err = call(os.Args[2])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
