// An app on the Vercel AI SDK: makes each call, and prints when each began and ended.
// Version 6 is asked for telemetry call by call, version 7 has it registered once.
import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import * as ai from 'ai';

const asked = JSON.parse(process.argv[2]);
const base = process.env.PROVIDER_URL;
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
if (ai.registerTelemetry) {
  const { OpenTelemetry } = await import('@ai-sdk/otel');
  const details = asked.setups.includes('details');
  ai.registerTelemetry(new OpenTelemetry({ usage: details, providerMetadata: details }));
}

const openai = createOpenAI({ baseURL: `${base}/v1`, apiKey: 'key' });
const models = {
  chat: openai.chat('gpt-5.6'),
  responses: openai.responses('gpt-5.6'),
  messages: createAnthropic({ baseURL: `${base}/v1`, apiKey: 'key' })('claude-sonnet-4-5'),
  converse: createAmazonBedrock({ baseURL: base, region: 'us-east-1', accessKeyId: 'id', secretAccessKey: 'key' })(
    'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  ),
  gemini: createGoogleGenerativeAI({ baseURL: `${base}/v1beta`, apiKey: 'key' })('gemini-2.5-pro'),
};

const apart = () => new Promise((done) => setTimeout(done, 10));
const now = () => Number(process.hrtime.bigint() - started) + epoch;
const started = process.hrtime.bigint();
const epoch = Date.now() * 1e6;
const times = {};
for (const one of asked.cases) {
  const [name, streamed] = one.split(' ');
  const call = {
    model: models[name],
    prompt: 'Say hello.',
    maxRetries: 0,
    experimental_telemetry: { isEnabled: true },
    providerOptions: { openai: { serviceTier: 'flex' } },
  };
  await apart();
  const began = now();
  if (streamed) {
    const stream = ai.streamText({ ...call, onError: ({ error }) => { throw error; } });
    for await (const _ of stream.textStream);
  } else {
    await ai.generateText(call);
  }
  await apart();
  times[one] = [began, now()];
}
await provider.forceFlush();
await provider.shutdown();
console.log(JSON.stringify(times));
