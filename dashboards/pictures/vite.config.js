import react from '@vitejs/plugin-react';

export default {
  plugins: [react()],
  // What Grafana's packages expect of the page they run in.
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': {}, global: 'globalThis' },
  build: { chunkSizeWarningLimit: 20000, reportCompressedSize: false },
};
